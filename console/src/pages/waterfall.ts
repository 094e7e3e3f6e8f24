import type { Latency, Turn } from "../wire/views";

export type PartKey = "turn" | "verdict" | "stt" | "llm" | "tts" | "synthesis" | "output";

/** A stretch of the wait, in seconds after the end of speech. */
export interface Part {
  key: PartKey;
  begins_s: number;
  lasts_s: number;
}

const NAMES: Record<PartKey, { name: string; until: string }> = {
  turn: { name: "Turn", until: "Turn over, words there" },
  verdict: { name: "Turn verdict", until: "Turn verdict" },
  stt: { name: "STT", until: "Words there (STT)" },
  llm: { name: "LLM", until: "LLM first token" },
  tts: { name: "TTS", until: "First audio out" },
  synthesis: { name: "TTS", until: "TTS first audio" },
  output: { name: "Audio out", until: "First audio out" },
};

export function nameOf(key: PartKey): string {
  return NAMES[key].name;
}

/** What had happened when the part was over. */
export function endOf(key: PartKey): string {
  return NAMES[key].until;
}

/**
 * What a wait is made of, one part after the other: they add up to the whole. What the server does
 * not split (sessions of earlier versions, voices that tell nothing) is one part.
 */
export function partsOf(latency: Latency): Part[] {
  const { verdict_s, stt_s, synthesis_s, output_s } = latency;
  const lasting: [PartKey, number][] = [
    ...split("turn", latency.turn_s, ["verdict", verdict_s], ["stt", stt_s]),
    ["llm", latency.llm_s],
    ...split("tts", latency.tts_s, ["synthesis", synthesis_s], ["output", output_s]),
  ];
  let begins_s = 0;
  return lasting.map(([key, lasts_s]) => {
    const part = { key, begins_s, lasts_s };
    begins_s += lasts_s;
    return part;
  });
}

function split(
  whole: PartKey,
  whole_s: number,
  ...parts: [PartKey, number | null | undefined][]
): [PartKey, number][] {
  const known = parts.filter((part): part is [PartKey, number] => typeof part[1] === "number");
  return known.length === parts.length ? known : [[whole, whole_s]];
}

/** An answer, and what was asked. */
export interface AnsweredTurn {
  latency: Latency;
  parts: Part[];
  /** What the user said; null where transcripts are not kept. */
  question: string | null;
}

/** Each answer that was timed, with the last turn of the user before its first audio. */
export function answeredTurns(latencies: readonly Latency[], turns: readonly Turn[]): AnsweredTurn[] {
  return latencies.map((latency) => {
    const at = Date.parse(latency.at);
    const asked = turns.findLast(
      ({ speaker, started_at }) => speaker === "user" && Date.parse(started_at) <= at,
    );
    return { latency, parts: partsOf(latency), question: asked?.text ?? null };
  });
}

/** The length of the axis in seconds: a round number that the longest wait fits into. */
export function axisOf(latencies: readonly Latency[]): number {
  const longest = Math.max(0, ...latencies.map(({ total_s }) => total_s));
  const steps = [0.25, 0.5, 1, 1.5, 2, 3, 5, 8, 10, 15, 20, 30];
  return steps.find((step) => longest <= step) ?? Math.ceil(longest / 10) * 10;
}

/** The middle value; null of none. */
export function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
