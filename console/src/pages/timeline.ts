import type { SessionEvent, Speaker } from "../wire/views";

/** One connection that carried the session. */
export interface Leg {
  id: string;
  transport: string;
  began: number;
  ended: number | null;
  reason: string | null;
  /** What it took over from, and why: the leg before, or the first that was planned. */
  switched: { was: string; reason: string } | null;
}

/** When something went on, in seconds after the first event; `end_s` null while it does. */
export interface Stretch {
  begin_s: number;
  end_s: number | null;
}

export function millisecondsOf({ at }: SessionEvent): number {
  return Date.parse(at);
}

export function transportName(transport: unknown): string {
  return transport === "webrtc" ? "WebRTC" : transport === "websocket" ? "WebSocket" : `${transport}`;
}

export function legsOf(events: readonly SessionEvent[]): Leg[] {
  const legs: Leg[] = [];
  let switched: Leg["switched"] = null;
  for (const event of events) {
    const { leg_id: id, transport, reason } = event.data;
    if (event.type === "transport_switched") {
      switched = { was: `${event.data["was"]}`, reason: `${reason}` };
    } else if (event.type === "leg_started") {
      const began = millisecondsOf(event);
      const leg = { id: `${id}`, transport: `${transport}`, began, ended: null, reason: null };
      legs.push({ ...leg, switched });
      switched = null;
    } else if (event.type === "leg_ended") {
      const leg = legs.findLast((each) => each.id === id);
      if (leg) [leg.ended, leg.reason] = [millisecondsOf(event), `${reason}`];
    }
  }
  return legs;
}

/** When one side was to be heard. */
export function speechOf(events: readonly SessionEvent[], speaker: Speaker): Stretch[] {
  const first = events[0];
  if (!first) return [];
  const begin = millisecondsOf(first);
  const stretches: Stretch[] = [];
  for (const event of events) {
    const at_s = (millisecondsOf(event) - begin) / 1_000;
    const open = stretches.at(-1);
    const stops =
      event.type === "leg_ended" ||
      (event.type === "speaking_stopped" && event.data["speaker"] === speaker);
    if (event.type === "speaking_started" && event.data["speaker"] === speaker) {
      if (!open || open.end_s !== null) stretches.push({ begin_s: at_s, end_s: null });
    } else if (stops && open?.end_s === null) {
      open.end_s = at_s;
    }
  }
  return stretches;
}

/** What the user is saying right now, as far as it is recognised; empty when he says nothing. */
export function hearingOf(events: readonly SessionEvent[]): string {
  let words: string[] = [];
  let partial = "";
  for (const { type, data } of events) {
    if (type === "transcript_received") {
      if (data["final"]) words.push(`${data["text"]}`);
      partial = data["final"] ? "" : `${data["text"]}`;
    } else if (type === "user_turn_ended" || type === "leg_ended") {
      [words, partial] = [[], ""];
    }
  }
  return [...words, partial].filter(Boolean).join(" ");
}

/** Adds an event that came live, unless it is there already. */
export function withEvent(
  events: readonly SessionEvent[],
  event: SessionEvent,
): readonly SessionEvent[] {
  return event.number > (events.at(-1)?.number ?? 0) ? [...events, event] : events;
}

export interface Description {
  text: string;
  tone: "plain" | "mark" | "trouble";
  /** One of very many: shown only on demand. */
  isDetail?: boolean;
}

/** An event in words. An unknown one, of a later server, is told by its name. */
export function describe({ type, data }: SessionEvent): Description {
  const value = (name: string) => `${data[name] ?? ""}`;
  const who = data["speaker"] === "agent" ? "Agent" : "Caller";
  switch (type) {
    case "session_state_changed": {
      const reason = data["reason"] ? `: ${words(value("reason"))}` : "";
      return { text: `Session ${value("state")}${reason}`, tone: "mark" };
    }
    case "transports_planned": {
      const tries = list(data["transports"]).map(transportName);
      const reasons = list(data["reasons"]);
      const plan = tries.map((name, index) => `${name} (${reasons[index] ?? "no reason given"})`);
      return { text: `To try: ${plan.join(", then ")}`, tone: "plain" };
    }
    case "transport_switched": {
      const [was, now] = [transportName(data["was"]), transportName(data["now"])];
      return { text: `Switched from ${was} to ${now}: ${words(value("reason"))}`, tone: "mark" };
    }
    case "leg_started":
      return { text: `Connection over ${transportName(data["transport"])}`, tone: "mark" };
    case "leg_ended":
      return { text: `Connection ended: ${words(value("reason"))}`, tone: "mark" };
    case "client_connected":
      return { text: "Client is there", tone: "plain", isDetail: true };
    case "speaking_started":
      return { text: `${who} begins to speak`, tone: "plain", isDetail: true };
    case "speaking_stopped":
      return { text: `${who} stops speaking`, tone: "plain", isDetail: true };
    case "transcript_received": {
      const kind = data["final"] ? "Recognised" : "Recognised so far";
      return { text: `${kind}: ${value("text")}`, tone: "plain", isDetail: true };
    }
    case "user_turn_ended":
      return { text: `Caller ${data["typed"] ? "typed" : "said"}: ${value("text")}`, tone: "plain" };
    case "answer_written":
      return { text: `Agent is about to say: ${value("text")}`, tone: "plain", isDetail: true };
    case "sentence_heard":
      return { text: `Caller heard: ${value("text")}`, tone: "plain" };
    case "agent_turn_ended": {
      const how = data["lost"] ? " was lost with the connection" : " was interrupted";
      const ended = data["interrupted"] ? how : " is over";
      return { text: `Agent’s turn${ended}`, tone: "plain", isDetail: !data["interrupted"] };
    }
    case "latency_measured": {
      const total_ms = Math.round(Number(data["total_s"]) * 1_000);
      return { text: `Answered after ${total_ms} ms`, tone: "plain" };
    }
    case "provider_failed":
      return { text: `${value("provider")} failed: ${value("message")}`, tone: "trouble" };
    case "error_occurred":
      return { text: `${words(value("code"))}: ${value("message")}`, tone: "trouble" };
    case "recording_started":
      return { text: `Recording ${value("number")} begins`, tone: "plain" };
    case "recording_ended":
      return { text: `Recording ${value("number")} ends`, tone: "plain" };
    default:
      return { text: words(type), tone: "plain" };
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `client_left` as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}
