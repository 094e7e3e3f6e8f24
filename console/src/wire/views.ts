/** What the API shows; each shape is described in the server's `/openapi.json`. */

export type SessionState = "created" | "connected" | "suspended" | "ended";
export type Speaker = "user" | "agent";

export interface AgentRow {
  id: string;
  name: string;
  language: string;
  version: string;
  /** `file`: it can only be changed on the server. */
  origin: "file" | "api";
}

export interface KnowledgeEntry {
  questions: string[];
  answer: string;
}

export interface AgentDefinition {
  id: string;
  name: string;
  language: string;
  greeting: string | null;
  instructions: string | null;
  variables: Record<string, unknown>[];
  knowledge: KnowledgeEntry[];
  turn: Record<string, unknown>;
  client: Record<string, unknown>;
  limits: Record<string, unknown>;
  recording: boolean;
}

export type AgentDetail = AgentDefinition & AgentRow;

export interface AgentVersion {
  number: number;
  version: string;
  created_at: string;
  definition: AgentDefinition;
}

export interface SessionRow {
  session_id: string;
  state: SessionState;
  agent: { id: string; name: string; language: string; version: string };
  created_at: string;
  connected_at: string | null;
  ended_at: string | null;
  end_reason: string | null;
  legs: number;
  turns: number;
  metadata: Record<string, unknown>;
}

export interface SessionPage {
  sessions: SessionRow[];
  next_cursor: string | null;
}

export interface Turn {
  speaker: Speaker;
  /** Null where transcripts are not kept. */
  text: string | null;
  started_at: string;
  state: "open" | "complete" | "interrupted";
}

/** In seconds. The finer parts are null in sessions of earlier versions of the server. */
export interface Latency {
  at: string;
  total_s: number;
  turn_s: number;
  llm_s: number;
  tts_s: number;
  verdict_s?: number | null;
  stt_s?: number | null;
  synthesis_s?: number | null;
  output_s?: number | null;
}

export interface SessionEvent {
  number: number;
  at: string;
  type: string;
  data: Record<string, unknown>;
}

export interface Recording {
  number: number;
  started_at: string;
  duration_s: number;
  bytes: number;
}

export interface SessionDetail extends SessionRow {
  transcript: Turn[];
  latency: Latency[];
  timeline: SessionEvent[];
  recordings: Recording[];
}

export interface ProcessRow {
  name: string;
  started_at: string;
  ready: boolean;
  not_ready_reason: string | null;
  sessions: Partial<Record<SessionState, number>>;
  max_sessions: number;
  memory_bytes: number | null;
}

export interface ProviderRow {
  stage: "stt" | "llm" | "tts";
  name: string;
  model: string | null;
  state: "unused" | "healthy" | "failing";
  failing_since: string | null;
  worked_at: string | null;
  failures: number;
  last_error: { at: string; message: string } | null;
}

export interface SystemState {
  ready: boolean;
  processes_wanted: number;
  processes: ProcessRow[];
  providers: ProviderRow[];
}

export interface PoolResource {
  kind: "shared" | "exclusive" | "slots";
  purpose: string;
  provider: string;
  agent_version: string | null;
  size: number;
  in_use: number;
  idle: number;
  building: number;
  waiting: number;
  waits: number;
  wait_longest_s: number;
  failures: number;
  quarantined: number;
}

export interface Pool {
  processes: number;
  resources: PoolResource[];
}

export interface Whoever {
  kind: "open" | "user" | "secret_key" | "publishable_key" | "session";
  id: string;
  scopes: string[];
  user: UserRow | null;
}

export type Role = "administrator" | "member";

export interface UserRow {
  id: string;
  email: string;
  name: string;
  role: Role;
  created_at: string;
}

export interface KeyRow {
  id: string;
  kind: "secret" | "publishable";
  name: string;
  hint: string;
  scopes: string[];
  agents: string[];
  origins: string[];
  max_sessions: number | null;
  sessions_per_minute: number | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

export interface WebhookRow {
  id: string;
  url: string;
  events: string[];
  enabled: boolean;
  created_at: string;
}

export interface DeliveryRow {
  id: string;
  event: string;
  session_id: string;
  state: "pending" | "delivered" | "failed";
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  created_at: string;
}
