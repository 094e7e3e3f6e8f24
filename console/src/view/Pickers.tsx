import type { TransportChoice } from "@voice-agent/client";
import type { AgentSummary } from "../wire/sessions";

interface AgentPickerProps {
  agents: readonly AgentSummary[];
  value: string;
  disabled: boolean;
  onChange: (id: string) => void;
}

export function AgentPicker({ agents, value, disabled, onChange }: AgentPickerProps) {
  if (agents.length < 2) return null;
  return (
    <label className="agent-picker">
      <span className="visually-hidden">Agent</span>
      <select value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
        {agents.map(({ id, name, language }) => (
          <option key={id} value={id}>
            {language ? `${name} (${language})` : name}
          </option>
        ))}
      </select>
    </label>
  );
}

const CHOICES: { value: TransportChoice; name: string; hint: string }[] = [
  { value: "auto", name: "Auto", hint: "The server says what to try, in order" },
  { value: "webrtc", name: "WebRTC", hint: "Lowest delay, best on bad networks" },
  { value: "websocket", name: "WebSocket", hint: "Gets through where only web traffic does" },
];

interface TransportPickerProps {
  value: TransportChoice;
  onChange: (choice: TransportChoice) => void;
}

export function TransportPicker({ value, onChange }: TransportPickerProps) {
  return (
    <fieldset className="transport-picker">
      <legend>Connect over</legend>
      <div>
        {CHOICES.map((choice) => (
          <label key={choice.value} title={choice.hint}>
            <input
              type="radio"
              name="transport"
              value={choice.value}
              checked={value === choice.value}
              onChange={() => onChange(choice.value)}
            />
            <span>{choice.name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
