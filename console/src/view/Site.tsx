import { lazy, Suspense, useEffect, useState } from "react";
import { Call } from "../call/call";
import type { Account } from "../wire/account";
import type { Server } from "../wire/sessions";
import { App } from "./App";
import { hasMoved, useRoute } from "./route";
import { Unloaded } from "./Unloaded";

/** Everything but the talk page comes when it is first wanted: who only talks never loads it. */
const Pages = lazy(() => import("../pages/Pages"));

interface Props {
  account: Account;
  server: Server;
  /** Not given where nobody signs in. */
  onSignOut?: () => void;
}

/** All pages, with a call of their own: it goes on while one looks at another page. */
export function Site({ account, server, onSignOut }: Props) {
  const [call] = useState(() => new Call(server));
  const [cache] = useState(() => new Map<string, never>());
  const route = useRoute();

  useEffect(() => {
    const leave = () => void call.hangUp();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [call]);

  useEffect(() => {
    if (route.page === "talk") {
      document.title = "Voice Agent";
      // Who comes back goes on from here, not from where the other page's link was.
      const isNowhere = document.activeElement === document.body;
      if (hasMoved() && isNowhere) document.querySelector<HTMLElement>("main")?.focus();
    }
  }, [route.page]);

  const leaving = onSignOut && { onSignOut };
  if (route.page === "talk") return <App call={call} server={server} {...leaving} />;
  return (
    <Unloaded>
      <Suspense fallback={null}>
        <Pages
          route={route}
          call={call}
          account={account}
          base={server.base}
          cache={cache}
          {...leaving}
        />
      </Suspense>
    </Unloaded>
  );
}
