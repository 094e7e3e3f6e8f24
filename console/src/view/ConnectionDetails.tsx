import type { CallState } from "@voice-agent/client";

const NAMES = { webrtc: "WebRTC", websocket: "WebSocket" } as const;

/** Over what the call runs, and on demand what was offered and how each attempt went. */
export function ConnectionDetails({ state }: { state: CallState }) {
  if (state.steps.length === 0) return null;
  const summary = state.connectedOver
    ? NAMES[state.connectedOver]
    : state.phase === "connecting"
      ? "Connecting"
      : state.phase === "returning"
        ? "Coming back"
        : "Not connected";
  return (
    <>
      <button
        type="button"
        className="connection"
        popoverTarget="connection-details"
        data-connected={state.connectedOver !== null}
        data-testid="connection"
      >
        {summary}
      </button>
      <div id="connection-details" className="popover" popover="auto">
        <h2>What the server offered</h2>
        <ol>
          {state.steps.map(({ type, reason, outcome, error }) => (
            <li key={type} data-outcome={outcome}>
              <span>
                <b>{NAMES[type]}</b> {outcome === "waiting" ? "not needed" : outcome}
              </span>
              {(error ?? reason) && <small>{error ?? reason}</small>}
            </li>
          ))}
        </ol>
      </div>
    </>
  );
}
