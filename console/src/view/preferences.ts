import { useState } from "react";
import type { TransportChoice } from "@voice-agent/client";

export interface Preferences {
  transport: TransportChoice;
  agent: string;
}

const KEY = "voice-agent";

/** What the caller chose last time; the address wins (`?transport=websocket&agent=clinic`). */
export function readPreferences(search: string, stored: string | null): Preferences {
  const address = new URLSearchParams(search);
  const kept = parse(stored);
  return {
    transport: transportChoice(address.get("transport")) ?? transportChoice(kept["transport"]) ?? "auto",
    agent: address.get("agent") ?? (typeof kept["agent"] === "string" ? kept["agent"] : ""),
  };
}

export function usePreferences(): [Preferences, (change: Partial<Preferences>) => void] {
  const [preferences, setPreferences] = useState(() =>
    readPreferences(window.location.search, read()),
  );
  const prefer = (change: Partial<Preferences>) => {
    const next = { ...preferences, ...change };
    setPreferences(next);
    try {
      localStorage.setItem(KEY, JSON.stringify(next));
    } catch {
      // A private window may have no storage; the choice then lasts as long as the page.
    }
  };
  return [preferences, prefer];
}

/** Makes an agent the one to talk to, also when the address names another. */
export function preferAgent(agent: string): void {
  const address = new URL(window.location.href);
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...readPreferences("", read()), agent }));
    address.searchParams.delete("agent");
  } catch {
    address.searchParams.set("agent", agent);
  }
  history.replaceState(null, "", address);
}

function transportChoice(value: unknown): TransportChoice | undefined {
  return value === "auto" || value === "webrtc" || value === "websocket" ? value : undefined;
}

function parse(stored: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(stored ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
