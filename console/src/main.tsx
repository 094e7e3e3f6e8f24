import "@fontsource-variable/schibsted-grotesk";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Gate } from "./view/Gate";
import "./view/page.css";
import { Account } from "./wire/account";
import { Server } from "./wire/sessions";

const base = new URL("./", window.location.href);
const account = new Account(base, tabStorage());
const server = new Server(base, undefined, account);

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <Gate account={account} server={server} />
  </StrictMode>,
);

/** What lasts as long as the tab; nothing where the browser forbids it. */
function tabStorage(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
