import { describe as group, expect, it } from "vitest";
import type { SessionEvent } from "../wire/views";
import { describe, hearingOf, legsOf, speechOf, withEvent } from "./timeline";

const BEGIN = Date.parse("2026-01-01T10:00:00Z");

/** Events one a second. */
function events(...happened: [string, Record<string, unknown>?][]): SessionEvent[] {
  return happened.map(([type, data = {}], index) => ({
    number: index + 1,
    at: new Date(BEGIN + index * 1_000).toISOString(),
    type,
    data,
  }));
}

group("legsOf", () => {
  it("tells one connection from the next, and why each ended", () => {
    const legs = legsOf(
      events(
        ["leg_started", { leg_id: "a", transport: "webrtc" }],
        ["leg_ended", { leg_id: "a", reason: "displaced" }],
        ["transport_switched", { was: "webrtc", now: "websocket", reason: "displaced" }],
        ["leg_started", { leg_id: "b", transport: "websocket" }],
        ["leg_ended", { leg_id: "b", reason: "lost" }],
        ["leg_started", { leg_id: "c", transport: "websocket" }],
      ),
    );
    expect(legs.map(({ transport, reason, switched }) => [transport, reason, switched])).toEqual([
      ["webrtc", "displaced", null],
      ["websocket", "lost", { was: "webrtc", reason: "displaced" }],
      ["websocket", null, null],
    ]);
    expect(legs[0]?.ended).toBe(BEGIN + 1_000);
  });
});

group("speechOf", () => {
  it("is each side's own, and ends with the connection", () => {
    const happened = events(
      ["session_state_changed"],
      ["speaking_started", { speaker: "agent" }],
      ["speaking_started", { speaker: "user" }],
      ["speaking_stopped", { speaker: "agent" }],
      ["leg_ended"],
      ["speaking_started", { speaker: "agent" }],
    );
    expect(speechOf(happened, "agent")).toEqual([
      { begin_s: 1, end_s: 3 },
      { begin_s: 5, end_s: null },
    ]);
    expect(speechOf(happened, "user")).toEqual([{ begin_s: 2, end_s: 4 }]);
  });
});

group("hearingOf", () => {
  it("is what is recognised of the turn that is being spoken", () => {
    const soFar: [string, Record<string, unknown>?][] = [
      ["transcript_received", { text: "hello", final: true }],
      ["user_turn_ended", { text: "hello" }],
      ["transcript_received", { text: "when", final: false }],
      ["transcript_received", { text: "when are you", final: true }],
      ["transcript_received", { text: "open", final: false }],
    ];
    expect(hearingOf(events(...soFar))).toBe("when are you open");
    expect(hearingOf(events(...soFar, ["user_turn_ended", { text: "…" }]))).toBe("");
  });
});

group("withEvent", () => {
  it("takes each event once", () => {
    const [first, second] = events(["a"], ["b"]);
    if (!first || !second) throw new Error("no events");
    expect(withEvent([first], second)).toEqual([first, second]);
    expect(withEvent([first, second], first)).toEqual([first, second]);
  });
});

group("describe", () => {
  it("tells in words, also of what it does not know", () => {
    const texts = events(
      ["session_state_changed", { state: "ended", reason: "client_left" }],
      ["transports_planned", { transports: ["webrtc", "websocket"], reasons: ["fast", "sure"] }],
      ["transport_switched", { was: "webrtc", now: "websocket", reason: "fallback" }],
      ["leg_started", { leg_id: "a", transport: "webrtc" }],
      ["latency_measured", { total_s: 0.6123 }],
      ["agent_turn_ended", { interrupted: true, lost: false }],
      ["moon_landed"],
    ).map((event) => describe(event).text);
    expect(texts).toEqual([
      "Session ended: client left",
      "To try: WebRTC (fast), then WebSocket (sure)",
      "Switched from WebRTC to WebSocket: fallback",
      "Connection over WebRTC",
      "Answered after 612 ms",
      "Agent’s turn was interrupted",
      "moon landed",
    ]);
  });
});
