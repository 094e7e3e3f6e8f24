import { useEffect, useState, useSyncExternalStore } from "react";
import { Call } from "../call/call";
import type { Account } from "../wire/account";
import type { Server } from "../wire/sessions";
import { App } from "./App";
import { SignIn } from "./SignIn";

/** Shows the page to who may see it, and asks everybody else who he is. */
export function Gate({ account, server }: { account: Account; server: Server }) {
  const standing = useSyncExternalStore(account.subscribe, account.snapshot);

  useEffect(() => {
    void account.begin(window.location.hash);
  }, [account]);

  useEffect(() => {
    // The setup link is worth nothing now: it need not stay in the address and the history.
    if (standing === "signed in" && window.location.hash) {
      history.replaceState(null, "", window.location.pathname + window.location.search);
    }
  }, [standing]);

  switch (standing) {
    case "unknown":
      return null;
    case "signed out":
    case "setting up":
      return <SignIn account={account} isSetup={standing === "setting up"} />;
    case "signed in":
      return <Site server={server} onSignOut={() => void account.signOut()} />;
    case "open":
      return <Site server={server} />;
  }
}

/** The page with calls of its own: what was said is not for who signs in next. */
function Site({ server, onSignOut }: { server: Server; onSignOut?: () => void }) {
  const [call] = useState(() => new Call(server));

  useEffect(() => {
    const leave = () => void call.hangUp();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [call]);

  return <App call={call} server={server} {...(onSignOut && { onSignOut })} />;
}
