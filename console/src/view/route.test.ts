import { describe, expect, it } from "vitest";
import { addressOf, routeOf, type Route } from "./route";

describe("routeOf", () => {
  it.each([
    ["", { page: "talk" }],
    ["#", { page: "talk" }],
    ["#/", { page: "talk" }],
    ["#setup=abc", { page: "talk" }],
    ["#/sessions", { page: "sessions", query: "" }],
    ["#/sessions?state=ended&agent=a", { page: "sessions", query: "state=ended&agent=a" }],
    ["#/sessions/p0.abc", { page: "session", id: "p0.abc" }],
    ["#/agents/frontdesk", { page: "agent", id: "frontdesk" }],
    ["#/new-agent?like=frontdesk", { page: "new agent", like: "frontdesk" }],
    ["#/access", { page: "access", tab: "keys" }],
    ["#/access/users", { page: "access", tab: "users" }],
    ["#/access/nobody", { page: "unknown", path: "access/nobody" }],
    ["#/sessions/a/b", { page: "unknown", path: "sessions/a/b" }],
    ["#/sessions/%E0%A4%A", { page: "session", id: "%E0%A4%A" }],
  ])("reads %s", (hash, route) => {
    expect(routeOf(hash)).toEqual(route);
  });
});

describe("addressOf", () => {
  const routes: Route[] = [
    { page: "talk" },
    { page: "sessions", query: "" },
    { page: "sessions", query: "state=connected" },
    { page: "session", id: "p0.a/b?c#d %" },
    { page: "agents" },
    { page: "agent", id: "front desk" },
    { page: "new agent", like: null },
    { page: "new agent", like: "a&b" },
    { page: "system" },
    { page: "access", tab: "webhooks" },
  ];

  it.each(routes)("leads back to $page", (route) => {
    expect(routeOf(addressOf(route))).toEqual(route);
  });
});
