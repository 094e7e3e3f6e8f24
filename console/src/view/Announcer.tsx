import { spokenText, type CallState } from "@voice-agent/client";

/** Tells a screen reader what happens, in whole sentences and without the partial words. */
export function Announcer({ state, agentName }: { state: CallState; agentName: string }) {
  const call =
    state.phase === "connecting"
      ? "Connecting."
      : state.phase === "talking"
        ? `Connected over ${state.connectedOver === "webrtc" ? "WebRTC" : "WebSocket"}.`
        : state.phase === "returning"
          ? "Connection lost, coming back."
          : state.steps.length > 0
            ? "Call ended."
            : "";
  const last = state.transcript.findLast((entry) =>
    entry.kind === "user"
      ? entry.text !== "" && entry.partial === ""
      : entry.segments.every((segment) => segment.unspoken === "") || entry.interrupted,
  );
  const words = last ? spokenText(last) : "";
  return (
    <>
      <div className="visually-hidden" role="status">
        {call}
      </div>
      <div className="visually-hidden" aria-live="polite">
        {words && `${last?.kind === "user" ? "You" : agentName}: ${words}`}
      </div>
    </>
  );
}
