import type { SessionState } from "../wire/views";
import { Badge, type Tone } from "./parts";

const STATES: Record<SessionState, { name: string; tone: Tone }> = {
  created: { name: "waiting", tone: "busy" },
  connected: { name: "connected", tone: "good" },
  suspended: { name: "suspended", tone: "busy" },
  ended: { name: "ended", tone: "quiet" },
};

export function StateBadge({ state }: { state: SessionState }) {
  const { name, tone } = STATES[state];
  return <Badge tone={tone}>{name}</Badge>;
}
