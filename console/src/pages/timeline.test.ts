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
        ["leg_started", { leg_id: "b", transport: "websocket" }],
        ["leg_ended", { leg_id: "a", reason: "displaced" }],
      ),
    );
    expect(legs.map(({ transport, reason }) => [transport, reason])).toEqual([
      ["webrtc", "displaced"],
      ["websocket", null],
    ]);
    expect(legs[0]?.ended).toBe(BEGIN + 2_000);
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
      ["leg_started", { leg_id: "a", transport: "webrtc" }],
      ["latency_measured", { total_s: 0.6123 }],
      ["agent_turn_ended", { interrupted: true, lost: false }],
      ["moon_landed"],
    ).map((event) => describe(event).text);
    expect(texts).toEqual([
      "Session ended: client left",
      "Connection over WebRTC",
      "Answered after 612 ms",
      "Agent’s turn was interrupted",
      "moon landed",
    ]);
  });
});
