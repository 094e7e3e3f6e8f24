import type { CallState, Notice, Phase, Turn } from "./state/state";
import type { Transcript } from "./state/transcript";
import type { Step } from "./transport/race";
import type { Session, SessionRequest, TransportChoice, TransportType } from "./wire/session";

/** What a call may be given anew each time; what is not given is as in the client's options. */
export interface ConnectOptions {
  /** Which agent; the server's default one when not given. */
  agent?: string | undefined;
  /** `auto`, the default, races what the server offers. */
  transport?: TransportChoice;
  /**
   * False to type only: the browser is not asked for the microphone. Without one the call goes on in
   * writing, unless it is `"required"`: then there is none.
   */
  microphone?: boolean | "required" | MediaTrackConstraints;
  /** Values for the placeholders in the agent's words. */
  variables?: Record<string, string>;
  /** Your own notes on the session. */
  metadata?: Record<string, unknown>;
}

/** Where the session of each call comes from: give one of `session`, `sessionUrl` and `server`. */
export interface VoiceAgentOptions extends ConnectOptions {
  /** The server's address; the page's own folder when nothing is given. */
  server?: string | URL;
  /** A publishable key (`vak_public_…`) for `server`. Never a secret one. */
  key?: string;
  /** Your own backend: answers a POST with what the server answered to its `POST /v1/sessions`. */
  sessionUrl?: string | URL;
  /** Returns what `POST /v1/sessions` answered, however you come by it. */
  session?: (request: SessionRequest) => Promise<Session>;
}

/** The events of a `VoiceAgentClient`, and what their listeners are given. */
export interface VoiceAgentEvents {
  /** Anything of the call's state has changed. */
  change: CallState;
  /** The call is idle, being connected, talking, or coming back after a loss. */
  state: Phase;
  /** Whose turn it is. */
  turn: Turn;
  /** Over what the call runs, and how what the server offered fares. */
  transport: { over: TransportType | null; steps: readonly Step[] };
  /** All that was said so far. */
  transcript: Transcript;
  /** How loud both sides are, from 0 to 1, twenty times a second while the call is up. */
  level: { caller: number; agent: number };
  /** From the caller's last sound, or from what he typed, to the agent's first sound. */
  latency: { milliseconds: number };
  /** Something the caller should know, in words; null when it is no longer so. */
  notice: Notice | null;
  /** The call could not be made, or ended in trouble. */
  error: Error;
}
