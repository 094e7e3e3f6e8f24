import { useSyncExternalStore, type ReactNode } from "react";
import type { Call } from "../call/call";
import { MenuIcon } from "./icons";
import { addressOf, type Route } from "./route";

const PLACES: { name: string; route: Route; pages: Route["page"][] }[] = [
  { name: "Talk", route: { page: "talk" }, pages: ["talk"] },
  { name: "Sessions", route: { page: "sessions", query: "" }, pages: ["sessions", "session"] },
  { name: "Agents", route: { page: "agents" }, pages: ["agents", "agent", "new agent"] },
  { name: "System", route: { page: "system" }, pages: ["system"] },
  { name: "Access", route: { page: "access", tab: "keys" }, pages: ["access"] },
];
const MENU = "site-menu";

interface Props {
  call: Call;
  page: Route["page"];
  /** What stands below the places. */
  children?: ReactNode;
}

/** All places: beside the page where there is room, else behind a button. */
export function Navigation({ call, page, children }: Props) {
  const { phase } = useSyncExternalStore(call.subscribe, call.snapshot);
  const close = () => document.getElementById(MENU)?.hidePopover?.();
  return (
    <nav className="site-nav" aria-label="Console">
      <button type="button" className="icon-button" popoverTarget={MENU} aria-label="Menu">
        <MenuIcon />
      </button>
      <div id={MENU} className="popover" popover="auto">
        <ul>
          {PLACES.map(({ name, route, pages }) => (
            <li key={name}>
              <a
                href={addressOf(route)}
                aria-current={pages.includes(page) ? "page" : undefined}
                onClick={close}
              >
                {name}
                {name === "Talk" && phase !== "idle" && page !== "talk" && (
                  <span className="in-call">in a call</span>
                )}
              </a>
            </li>
          ))}
        </ul>
        {children}
      </div>
    </nav>
  );
}
