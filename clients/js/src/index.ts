export { Devices } from "./media/devices";
export { CallEnded, VoiceAgentClient } from "./client";
export { SILENT, type Level } from "./media/level";
export { microphoneAllowedHere, NoMicrophone, type MicrophoneTrouble } from "./media/microphone";
export type { ConnectOptions, VoiceAgentEvents, VoiceAgentOptions } from "./options";
export type { CallState, Notice, Phase, Turn } from "./state/state";
export {
  spokenText,
  standing,
  type AgentEntry,
  type Entry,
  type Segment,
  type Standing,
  type Transcript,
  type UserEntry,
} from "./state/transcript";
export { failureNotice, microphoneNotice } from "./state/words";
export { VoiceAgentTransport, type TransportEvents } from "./transport/composite";
export { NoTransportWorked, type Step } from "./transport/race";
export { refusalOf, ServerGone, ServerRefused } from "./wire/problem";
export {
  capabilities,
  type Capabilities,
  type ClientAbilities,
  type Session,
  type SessionRequest,
  type TransportChoice,
  type TransportOffer,
  type TransportType,
} from "./wire/session";
