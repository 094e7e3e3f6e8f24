import "@fontsource-variable/schibsted-grotesk";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Call } from "./call/call";
import { App } from "./view/App";
import "./view/page.css";
import { Server } from "./wire/sessions";

const server = new Server(new URL("./", window.location.href));
const call = new Call(server);
window.addEventListener("pagehide", () => void call.hangUp());

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App call={call} server={server} />
  </StrictMode>,
);
