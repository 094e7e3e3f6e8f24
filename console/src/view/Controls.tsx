import type { Call } from "../call/call";
import type { CallState } from "@voice-agent/client";
import { HangUpIcon, KeyboardIcon, MicIcon, MicOffIcon } from "./icons";
import { MicrophoneMeter } from "./MicrophoneMeter";

interface Props {
  call: Call;
  state: CallState;
  canHear: boolean;
  isFresh: boolean;
  onTalk: () => void;
  onHangUp: () => void;
}

export function Controls({ call, state, canHear, isFresh, onTalk, onHangUp }: Props) {
  if (state.phase === "idle") {
    return (
      <div className="controls">
        <button type="button" className="talk" onClick={onTalk}>
          {canHear ? <MicIcon /> : <KeyboardIcon />}
          {canHear ? (isFresh ? "Talk" : "Talk again") : "Start without a microphone"}
        </button>
      </div>
    );
  }
  const isOff = state.microphone === "off";
  const isOn = state.microphone === "on";
  return (
    <div className="controls">
      <button
        type="button"
        className="quiet"
        aria-pressed={isOn}
        disabled={isOff && !canHear}
        onClick={() => (isOff ? void call.useMicrophone() : call.setMuted(isOn))}
      >
        {isOn ? <MicIcon /> : <MicOffIcon />}
        <span className="visually-hidden">Microphone</span>
        {isOn ? <MicrophoneMeter level={call.callerLevel} /> : isOff ? "Off" : "Muted"}
      </button>
      <button type="button" className="hang-up" onClick={onHangUp}>
        <HangUpIcon />
        {state.phase === "connecting" ? "Cancel" : "Hang up"}
      </button>
    </div>
  );
}
