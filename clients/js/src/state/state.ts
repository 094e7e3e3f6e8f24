import type { Step } from "../transport/race";
import type { TransportType } from "../wire/session";
import { EMPTY, transcribe, type Transcript, type TranscriptEvent } from "./transcript";

/** `returning`: the connection was lost, and the conversation waits for the next one. */
export type Phase = "idle" | "connecting" | "talking" | "returning";
export type Turn = "listening" | "user" | "thinking" | "agent";

/** Something the caller should know, in words. */
export interface Notice {
  tone: "info" | "trouble";
  title: string;
  text: string;
  /** What to type or open to mend it. */
  command?: string;
}

export interface CallState {
  phase: Phase;
  turn: Turn;
  transcript: Transcript;
  notice: Notice | null;
  /** How what the server offered fares, in the order in which it is tried. */
  steps: readonly Step[];
  connectedOver: TransportType | null;
  microphone: "off" | "on" | "muted";
  isRecorded: boolean;
}

export const IDLE: CallState = {
  phase: "idle",
  turn: "listening",
  transcript: EMPTY,
  notice: null,
  steps: [],
  connectedOver: null,
  microphone: "off",
  isRecorded: false,
};

export type CallEvent =
  | { type: "started" }
  | { type: "attempted"; steps: readonly Step[] }
  | { type: "connected"; over: TransportType }
  | { type: "lost"; notice: Notice }
  | { type: "ended"; notice?: Notice }
  | { type: "noticed"; notice: Notice | null }
  | { type: "microphone"; microphone: CallState["microphone"] }
  | { type: "recorded"; isRecorded: boolean }
  | { type: "speaking"; who: "user" | "agent"; started: boolean }
  | { type: "answer overdue" }
  | { type: "transcript"; event: TranscriptEvent };

/** The call after an event. Pure; the page draws what this returns. */
export function reduce(state: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case "started":
      return { ...IDLE, phase: "connecting", notice: null };
    case "attempted":
      return { ...state, steps: event.steps };
    case "connected":
      return {
        ...state,
        phase: "talking",
        connectedOver: event.over,
        turn: "listening",
        // What was said of the lost connection is no longer so.
        notice: state.phase === "returning" ? null : state.notice,
      };
    case "lost":
      return {
        ...state,
        phase: "returning",
        turn: "listening",
        connectedOver: null,
        notice: event.notice,
        transcript: hasSpeechToCut(state)
          ? transcribe(state.transcript, { type: "interrupted", lost: true })
          : state.transcript,
      };
    case "ended":
      return {
        ...state,
        phase: "idle",
        turn: "listening",
        connectedOver: null,
        microphone: "off",
        isRecorded: false,
        notice: event.notice ?? null,
      };
    case "noticed":
      return { ...state, notice: event.notice };
    case "microphone":
      return { ...state, microphone: event.microphone };
    case "recorded":
      return { ...state, isRecorded: event.isRecorded };
    case "speaking":
      return { ...state, turn: turnAfter(state.turn, event.who, event.started) };
    case "answer overdue":
      return state.turn === "thinking" ? { ...state, turn: "listening" } : state;
    case "transcript":
      return heed(state, event.event);
  }
}

function turnAfter(turn: Turn, who: "user" | "agent", started: boolean): Turn {
  if (who === "user") return started ? "user" : turn === "user" ? "thinking" : turn;
  // The agent falling silent must not hide that the caller is speaking already.
  return started ? "agent" : turn === "agent" ? "listening" : turn;
}

function heed(state: CallState, event: TranscriptEvent): CallState {
  // The server says that it cut the agent off at every new turn; only speech can be cut off.
  if (event.type === "interrupted" && !hasSpeechToCut(state)) return state;
  const transcript = transcribe(state.transcript, event);
  const turn = event.type === "typed" ? "thinking" : state.turn;
  return { ...state, transcript, turn };
}

function hasSpeechToCut(state: CallState): boolean {
  if (state.turn === "agent") return true;
  const agent = state.transcript.findLast((entry) => entry.kind === "agent");
  return agent?.kind === "agent" && agent.segments.some((segment) => segment.unspoken !== "");
}
