import { describe, expect, it } from "vitest";
import { EMPTY, spokenText, standing, transcribe, type TranscriptEvent } from "./transcript";

const after = (...events: TranscriptEvent[]) => events.reduce(transcribe, EMPTY);

describe("transcribe", () => {
  it("replaces a partial by the final words", () => {
    const transcript = after(
      { type: "heard", text: "what are", final: false },
      { type: "heard", text: "what are your", final: false },
      { type: "heard", text: "What are your hours?", final: true },
    );
    expect(transcript).toMatchObject([{ kind: "user", text: "What are your hours?", partial: "" }]);
  });

  it("keeps one entry for a turn that the recogniser cut in two", () => {
    const transcript = after(
      { type: "heard", text: "What are your hours", final: true },
      { type: "heard", text: "on Sat", final: false },
    );
    expect(transcript).toHaveLength(1);
    expect(spokenText(transcript[0]!)).toBe("What are your hours on Sat");
  });

  it("follows a sentence from planned to spoken", () => {
    const planned = after({
      type: "said",
      segment: 7,
      text: "We are open.",
      progress: { spoken: "", unspoken: "We are open." },
    });
    expect(spokenText(planned[0]!)).toBe("");
    const spoken = transcribe(planned, {
      type: "said",
      segment: 7,
      text: "We are open.",
      progress: { spoken: "We are open.", unspoken: "" },
    });
    expect(spoken).toHaveLength(1);
    expect(spokenText(spoken[0]!)).toBe("We are open.");
  });

  it("adds the sentences of one answer to one entry", () => {
    const transcript = after(
      { type: "said", segment: 1, text: "We are open." },
      { type: "said", segment: 2, text: "Do come in." },
    );
    expect(transcript).toHaveLength(1);
    expect(spokenText(transcript[0]!)).toBe("We are open. Do come in.");
  });

  it("never counts as said what an interruption cut off", () => {
    const transcript = after(
      {
        type: "said",
        segment: 1,
        text: "We are open daily.",
        progress: { spoken: "We are", unspoken: "open daily." },
      },
      { type: "interrupted" },
      { type: "heard", text: "Stop", final: true },
    );
    expect(transcript).toMatchObject([{ kind: "agent", interrupted: true }, { kind: "user" }]);
    expect(spokenText(transcript[0]!)).toBe("We are");
  });

  it("starts a new entry for what is said after an interruption", () => {
    const transcript = after(
      { type: "said", segment: 1, text: "Hello." },
      { type: "interrupted" },
      { type: "said", segment: 2, text: "Yes?" },
    );
    expect(transcript.map((entry) => entry.kind)).toEqual(["agent", "agent"]);
  });

  it("takes late progress for an earlier entry", () => {
    const transcript = after(
      { type: "said", segment: 1, text: "Hello there.", progress: { spoken: "", unspoken: "Hello there." } },
      { type: "heard", text: "Hi", final: false },
      { type: "said", segment: 1, text: "Hello there.", progress: { spoken: "Hello", unspoken: "there." } },
    );
    expect(transcript).toHaveLength(2);
    expect(spokenText(transcript[0]!)).toBe("Hello");
  });

  it("keeps what was typed apart from what was spoken", () => {
    const transcript = after(
      { type: "typed", text: "Where are you?" },
      { type: "heard", text: "And when?", final: true },
    );
    expect(transcript).toMatchObject([
      { kind: "user", typed: true, text: "Where are you?" },
      { kind: "user", typed: false, text: "And when?" },
    ]);
  });

  it("ignores empty words and an interruption of nothing", () => {
    expect(after({ type: "heard", text: "  ", final: true }, { type: "interrupted" })).toBe(EMPTY);
  });
});

describe("standing", () => {
  const sentences: TranscriptEvent[] = [
    { type: "said", segment: 1, text: "One." },
    { type: "said", segment: 2, text: "Two.", progress: { spoken: "", unspoken: "Two." } },
    { type: "said", segment: 3, text: "Three.", progress: { spoken: "", unspoken: "Three." } },
  ];
  const standings = (...events: TranscriptEvent[]) => {
    const entry = after(...events)[0];
    if (entry?.kind !== "agent") throw new Error("the agent said nothing");
    return entry.segments.map((segment) => standing(entry, segment));
  };

  it("tells what is being said from what is to come", () => {
    expect(standings(...sentences)).toEqual(["said", "saying", "planned"]);
  });

  it("tells the sentence that was cut off from those never begun", () => {
    expect(standings(...sentences, { type: "interrupted" })).toEqual(["said", "cut", "never said"]);
  });
});
