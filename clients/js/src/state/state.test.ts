import { describe, expect, it } from "vitest";
import { IDLE, reduce, type CallEvent } from "./state";

const after = (...events: CallEvent[]) => events.reduce(reduce, IDLE);
const talking: CallEvent[] = [{ type: "started" }, { type: "connected", over: "websocket" }];
const said: CallEvent = {
  type: "transcript",
  event: { type: "said", segment: 1, text: "Hello.", progress: { spoken: "", unspoken: "Hello." } },
};

describe("reduce", () => {
  it("goes from idle over connecting to talking, and back", () => {
    expect(after({ type: "started" }).phase).toBe("connecting");
    expect(after(...talking)).toMatchObject({ phase: "talking", connectedOver: "websocket" });
    expect(after(...talking, { type: "ended" })).toMatchObject({
      phase: "idle",
      connectedOver: null,
      microphone: "off",
    });
  });

  it("keeps the transcript and says why when a call ends, and forgets both at the next", () => {
    const notice = { tone: "trouble", title: "Gone", text: "It is gone." } as const;
    const ended = after(...talking, said, { type: "ended", notice });
    expect(ended.transcript).toHaveLength(1);
    expect(ended.notice).toBe(notice);
    expect(reduce(ended, { type: "started" })).toMatchObject({ transcript: [], notice: null });
  });

  it("keeps everything while a lost connection is being got back", () => {
    const notice = { tone: "info", title: "Lost", text: "Coming back." } as const;
    const lost = after(...talking, said, { type: "microphone", microphone: "on" }, { type: "lost", notice });
    expect(lost).toMatchObject({ phase: "returning", connectedOver: null, microphone: "on", notice });
    expect(lost.transcript).toMatchObject([{ interrupted: true, lost: true }]);
    const back = reduce(lost, { type: "connected", over: "webrtc" });
    expect(back).toMatchObject({ phase: "talking", connectedOver: "webrtc", notice: null });
    expect(back.transcript).toHaveLength(1);
  });

  it("is recorded from when the server says so until it says otherwise, or the call ends", () => {
    const recorded: CallEvent = { type: "recorded", isRecorded: true };
    expect(after({ type: "started" }, recorded).isRecorded).toBe(true);
    const recording = [{ type: "started" }, recorded, talking[1]!] as CallEvent[];
    expect(after(...recording).isRecorded).toBe(true);
    expect(after(...recording, { type: "recorded", isRecorded: false }).isRecorded).toBe(false);
    expect(after(...recording, { type: "ended" }).isRecorded).toBe(false);
  });

  it("tells whose turn it is", () => {
    const speaking = (who: "user" | "agent", started: boolean): CallEvent => ({
      type: "speaking",
      who,
      started,
    });
    expect(after(...talking, speaking("user", true)).turn).toBe("user");
    expect(after(...talking, speaking("user", true), speaking("user", false)).turn).toBe("thinking");
    expect(after(...talking, speaking("agent", true)).turn).toBe("agent");
    expect(after(...talking, speaking("agent", true), speaking("agent", false)).turn).toBe(
      "listening",
    );
  });

  it("shows a caller who barges in as speaking, though the agent falls silent later", () => {
    const state = after(
      ...talking,
      { type: "speaking", who: "agent", started: true },
      { type: "speaking", who: "user", started: true },
      { type: "speaking", who: "agent", started: false },
    );
    expect(state.turn).toBe("user");
  });

  it("waits for an answer to what was typed, but not for ever", () => {
    const typed = after(...talking, { type: "transcript", event: { type: "typed", text: "Hi" } });
    expect(typed.turn).toBe("thinking");
    expect(reduce(typed, { type: "answer overdue" }).turn).toBe("listening");
  });

  it("takes an interruption for one only when there was speech to cut off", () => {
    const interrupted: CallEvent = { type: "transcript", event: { type: "interrupted" } };
    const done: CallEvent = {
      type: "transcript",
      event: { type: "said", segment: 1, text: "Hello.", progress: { spoken: "Hello.", unspoken: "" } },
    };
    expect(after(...talking, said, interrupted).transcript).toMatchObject([{ interrupted: true }]);
    expect(after(...talking, said, done, interrupted).transcript).toMatchObject([
      { interrupted: false },
    ]);
  });

  it("gives back the same state for what changes nothing", () => {
    const state = after(...talking);
    expect(reduce(state, { type: "transcript", event: { type: "interrupted" } })).toBe(state);
    expect(reduce(state, { type: "answer overdue" })).toBe(state);
  });
});
