import { useSyncExternalStore } from "react";

export type AccessTab = "keys" | "users" | "webhooks";

/** Where one is. The address is a path behind `#`, so that the server may serve the page anywhere. */
export type Route =
  | { page: "talk" }
  | { page: "sessions"; query: string }
  | { page: "session"; id: string }
  | { page: "agents" }
  | { page: "agent"; id: string }
  | { page: "new agent"; like: string | null }
  | { page: "system" }
  | { page: "access"; tab: AccessTab }
  | { page: "unknown"; path: string };

/** Reads an address; everything that is no path (`#setup=…`, nothing) is the talk page. */
export function routeOf(hash: string): Route {
  if (!hash.startsWith("#/")) return { page: "talk" };
  const [path = "", query = ""] = hash.slice(2).split(/\?(.*)/s);
  const parts = path.split("/").filter(Boolean).map(decoded);
  const [place, id, more] = parts;
  if (place === undefined) return { page: "talk" };
  if (more === undefined) {
    if (place === "sessions") return id ? { page: "session", id } : { page: "sessions", query };
    if (place === "agents") return id ? { page: "agent", id } : { page: "agents" };
    if (place === "new-agent" && !id) {
      return { page: "new agent", like: new URLSearchParams(query).get("like") };
    }
    if (place === "system" && !id) return { page: "system" };
    if (place === "access" && !id) return { page: "access", tab: "keys" };
    if (place === "access" && isTab(id)) return { page: "access", tab: id };
  }
  return { page: "unknown", path };
}

/** The address of a place, for `href`. */
export function addressOf(route: Route): string {
  switch (route.page) {
    case "talk":
      return "#/";
    case "sessions":
      return route.query ? `#/sessions?${route.query}` : "#/sessions";
    case "session":
      return `#/sessions/${encodeURIComponent(route.id)}`;
    case "agents":
      return "#/agents";
    case "agent":
      return `#/agents/${encodeURIComponent(route.id)}`;
    case "new agent":
      return route.like ? `#/new-agent?like=${encodeURIComponent(route.like)}` : "#/new-agent";
    case "system":
      return "#/system";
    case "access":
      return `#/access/${route.tab}`;
    case "unknown":
      return `#/${route.path}`;
  }
}

/** Goes to a place; with `replace`, "back" does not lead here again. */
export function go(route: Route, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, "", addressOf(route));
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    window.location.hash = addressOf(route);
  }
}

let moved = false;
if (typeof window !== "undefined") {
  window.addEventListener("hashchange", () => (moved = true));
}

/** Whether one went from one place to another since the page was loaded. */
export function hasMoved(): boolean {
  return moved;
}

export function useRoute(): Route {
  return routeOf(useSyncExternalStore(onHashChange, () => window.location.hash));
}

function onHashChange(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

function isTab(text: string | undefined): text is AccessTab {
  return text === "keys" || text === "users" || text === "webhooks";
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
