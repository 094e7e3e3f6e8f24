import { useMemo, useState } from "react";
import { SWRConfig } from "swr";
import type { Call } from "../call/call";
import { Navigation } from "../view/Navigation";
import { addressOf, type Route } from "../view/route";
import { Wordmark } from "../view/Wordmark";
import type { Account } from "../wire/account";
import { Api } from "../wire/api";
import { Access } from "./Access";
import { AgentPage, NewAgentPage } from "./Agent";
import { Agents } from "./Agents";
import { ApiProvider, fetching } from "./data";
import "./pages.css";
import { Empty, Heading } from "./parts";
import { SessionPage } from "./Session";
import { Sessions } from "./Sessions";
import { System } from "./System";

interface Props {
  route: Exclude<Route, { page: "talk" }>;
  call: Call;
  account: Account;
  base: URL;
  /** What was fetched before; it outlives these pages. */
  cache: Map<string, never>;
  /** Not given where nobody signs in. */
  onSignOut?: () => void;
}

/** Every page but the one to talk on. */
export default function Pages(props: Props) {
  const { route, call, account, base, cache, onSignOut } = props;
  const [api] = useState(() => new Api(base, account));
  const config = useMemo(() => fetching(api, cache), [api, cache]);
  return (
    <ApiProvider value={api}>
      <SWRConfig value={config}>
          <div className="site">
            <header className="bar">
              <Navigation call={call} page={route.page}>
                {onSignOut && (
                  <button type="button" className="sign-out" onClick={onSignOut}>
                    Sign out
                  </button>
                )}
              </Navigation>
              <Wordmark />
            </header>
            <main key={keyOf(route)}>
              <PageOf route={route} />
            </main>
          </div>
      </SWRConfig>
    </ApiProvider>
  );
}

function PageOf({ route }: { route: Props["route"] }) {
  switch (route.page) {
    case "sessions":
      return <Sessions query={route.query} />;
    case "session":
      return <SessionPage id={route.id} />;
    case "agents":
      return <Agents />;
    case "agent":
      return <AgentPage id={route.id} />;
    case "new agent":
      return <NewAgentPage like={route.like} />;
    case "system":
      return <System />;
    case "access":
      return <Access tab={route.tab} />;
    case "unknown":
      return (
        <>
          <Heading title="There is no such page" />
          <Empty title={`Nothing is at “${route.path}”.`}>
            <a href={addressOf({ page: "talk" })}>Talk to an agent</a> instead.
          </Empty>
        </>
      );
  }
}

/** Tells pages apart: a filter or a tab is on the same page. */
function keyOf(route: Props["route"]): string {
  return route.page === "session" || route.page === "agent"
    ? `${route.page} ${route.id}`
    : route.page;
}
