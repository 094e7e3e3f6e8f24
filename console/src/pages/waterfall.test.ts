import { describe, expect, it } from "vitest";
import type { Latency, Turn } from "../wire/views";
import { answeredTurns, axisOf, medianOf, partsOf } from "./waterfall";

const OLD: Latency = {
  at: "2026-01-01T10:00:10.600Z",
  total_s: 0.6,
  turn_s: 0.3,
  llm_s: 0.2,
  tts_s: 0.1,
};
const SPLIT: Latency = { ...OLD, verdict_s: 0.25, stt_s: 0.05, synthesis_s: 0.08, output_s: 0.02 };

function said(speaker: Turn["speaker"], text: string | null, started_at: string): Turn {
  return { speaker, text, started_at, state: "complete" };
}

describe("partsOf", () => {
  it.each([
    ["all parts", SPLIT, ["verdict", "stt", "llm", "synthesis", "output"]],
    ["a session of an earlier version", OLD, ["turn", "llm", "tts"]],
    ["a voice that tells nothing", { ...SPLIT, synthesis_s: null, output_s: null }, [
      "verdict",
      "stt",
      "llm",
      "tts",
    ]],
    ["half a split", { ...OLD, verdict_s: 0.25 }, ["turn", "llm", "tts"]],
  ])("adds up to the whole: %s", (_, latency, keys) => {
    const parts = partsOf(latency);
    expect(parts.map(({ key }) => key)).toEqual(keys);
    expect(parts.reduce((sum, { lasts_s }) => sum + lasts_s, 0)).toBeCloseTo(latency.total_s);
    const last = parts.at(-1);
    expect((last?.begins_s ?? 0) + (last?.lasts_s ?? 0)).toBeCloseTo(latency.total_s);
  });

  it("begins each part where the one before ends", () => {
    const parts = partsOf(SPLIT);
    expect(parts[0]?.begins_s).toBe(0);
    for (const [index, part] of parts.entries()) {
      const before = parts[index - 1];
      if (before) expect(part.begins_s).toBeCloseTo(before.begins_s + before.lasts_s);
    }
  });
});

describe("answeredTurns", () => {
  it("pairs each answer with what was asked last before it", () => {
    const turns = [
      said("agent", "Hello.", "2026-01-01T10:00:00Z"),
      said("user", "Wait", "2026-01-01T10:00:05Z"),
      said("user", "Are you open?", "2026-01-01T10:00:10Z"),
      said("agent", "Yes.", "2026-01-01T10:00:12Z"),
      said("user", "Thanks!", "2026-01-01T10:00:20Z"),
    ];
    expect(answeredTurns([SPLIT], turns)[0]?.question).toBe("Are you open?");
  });

  it("knows no words where none are kept", () => {
    expect(answeredTurns([OLD], [said("user", null, OLD.at)])[0]?.question).toBeNull();
    expect(answeredTurns([OLD], [])[0]?.question).toBeNull();
  });
});

describe("the axis", () => {
  it.each([
    [[], 0.25],
    [[OLD], 1],
    [[{ ...OLD, total_s: 1 }], 1],
    [[OLD, { ...OLD, total_s: 4.2 }], 5],
    [[{ ...OLD, total_s: 41 }], 50],
  ])("holds the longest wait", (latencies, axis) => {
    expect(axisOf(latencies)).toBe(axis);
  });
});

describe("medianOf", () => {
  it.each([
    [[], null],
    [[3], 3],
    [[5, 1, 3], 3],
    [[4, 1, 3, 2], 2.5],
  ])("%j: %s", (values, median) => {
    expect(medianOf(values)).toBe(median);
  });
});
