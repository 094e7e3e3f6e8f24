/** What was said, as a list that only ever grows at its end. Pure: events in, list out. */

export interface Segment {
  id: number | string;
  /** What has been heard of it. */
  spoken: string;
  /** What is still to be said; after an interruption, what never was. */
  unspoken: string;
}

export interface UserEntry {
  kind: "user";
  key: number;
  text: string;
  /** What the recogniser still may change. */
  partial: string;
  typed: boolean;
}

export interface AgentEntry {
  kind: "agent";
  key: number;
  segments: Segment[];
  interrupted: boolean;
  /** It was the connection that cut it off, not the caller. */
  lost?: boolean;
}

export type Entry = UserEntry | AgentEntry;

export type TranscriptEvent =
  | { type: "heard"; text: string; final: boolean }
  | { type: "typed"; text: string }
  | {
      type: "said";
      segment: number | string | undefined;
      text: string;
      /** Absent when the text is not spoken at all. */
      progress?: { spoken: string; unspoken: string };
    }
  | { type: "interrupted"; lost?: boolean };

export type Transcript = readonly Entry[];

export const EMPTY: Transcript = [];

/** The transcript after an event. The same list when the event changes nothing. */
export function transcribe(transcript: Transcript, event: TranscriptEvent): Transcript {
  switch (event.type) {
    case "heard":
      return heard(transcript, event.text.trim(), event.final);
    case "typed":
      return [
        ...transcript,
        { kind: "user", key: nextKey(transcript), text: event.text, partial: "", typed: true },
      ];
    case "said":
      return said(transcript, event);
    case "interrupted":
      return interrupted(transcript, event.lost);
  }
}

/** An entry's words for a screen reader or a copy: only what was really said. */
export function spokenText(entry: Entry): string {
  if (entry.kind === "user") return join(entry.text, entry.partial);
  return entry.segments
    .map((segment) => segment.spoken)
    .filter(Boolean)
    .join(" ");
}

/**
 * How a sentence stands: said in full, being said, planned, or, after an interruption, cut off
 * part-way or never begun. Where a voice reports no single words, a sentence that was cut off
 * counts as begun when the ones before it were said in full.
 */
export type Standing = "said" | "saying" | "planned" | "cut" | "never said";

export function standing(entry: AgentEntry, segment: Segment): Standing {
  if (segment.unspoken === "") return "said";
  const isNext = entry.segments.find(({ unspoken }) => unspoken !== "") === segment;
  if (entry.interrupted) return isNext ? "cut" : "never said";
  return isNext ? "saying" : "planned";
}

function heard(transcript: Transcript, text: string, final: boolean): Transcript {
  if (!text) return transcript;
  const last = transcript.at(-1);
  const open: UserEntry =
    last?.kind === "user" && !last.typed
      ? last
      : { kind: "user", key: nextKey(transcript), text: "", partial: "", typed: false };
  const changed: UserEntry = final
    ? { ...open, text: join(open.text, text), partial: "" }
    : { ...open, partial: text };
  return open === last ? replaceLast(transcript, changed) : [...transcript, changed];
}

function said(
  transcript: Transcript,
  event: Extract<TranscriptEvent, { type: "said" }>,
): Transcript {
  const progress = event.progress ?? { spoken: event.text, unspoken: "" };
  const at = transcript.findLastIndex(
    (entry) =>
      entry.kind === "agent" &&
      event.segment !== undefined &&
      entry.segments.some((segment) => segment.id === event.segment),
  );
  const known = transcript[at];
  if (known?.kind === "agent") {
    const segments = known.segments.map((segment) =>
      segment.id === event.segment ? { ...segment, ...progress } : segment,
    );
    return transcript.with(at, { ...known, segments });
  }
  const last = transcript.at(-1);
  const segment: Segment = { id: event.segment ?? `text-${nextKey(transcript)}`, ...progress };
  if (last?.kind === "agent" && !last.interrupted) {
    return replaceLast(transcript, { ...last, segments: [...last.segments, segment] });
  }
  return [
    ...transcript,
    { kind: "agent", key: nextKey(transcript), segments: [segment], interrupted: false },
  ];
}

function interrupted(transcript: Transcript, lost = false): Transcript {
  const at = transcript.findLastIndex((entry) => entry.kind === "agent");
  const entry = transcript[at];
  if (entry?.kind !== "agent" || entry.interrupted) return transcript;
  return transcript.with(at, { ...entry, interrupted: true, ...(lost && { lost }) });
}

function join(first: string, second: string): string {
  return first && second ? `${first} ${second}` : first || second;
}

function replaceLast(transcript: Transcript, entry: Entry): Transcript {
  return [...transcript.slice(0, -1), entry];
}

function nextKey(transcript: Transcript): number {
  return (transcript.at(-1)?.key ?? 0) + 1;
}
