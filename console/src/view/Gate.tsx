import { useEffect, useSyncExternalStore } from "react";
import { SETUP, type Account } from "../wire/account";
import type { Server } from "../wire/sessions";
import { SignIn } from "./SignIn";
import { Site } from "./Site";

/** Shows the page to who may see it, and asks everybody else who he is. */
export function Gate({ account, server }: { account: Account; server: Server }) {
  const standing = useSyncExternalStore(account.subscribe, account.snapshot);

  useEffect(() => {
    void account.begin(window.location.hash);
  }, [account]);

  useEffect(() => {
    // The setup link is worth nothing now: it need not stay in the address and the history.
    if (standing === "signed in" && window.location.hash.startsWith(SETUP)) {
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
      return (
        <Site account={account} server={server} onSignOut={() => void account.signOut()} />
      );
    case "open":
      return <Site account={account} server={server} />;
  }
}
