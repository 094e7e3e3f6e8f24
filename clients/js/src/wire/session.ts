import { refusalOf, ServerGone } from "./problem";

export type TransportType = "webrtc" | "websocket";
export type TransportChoice = "auto" | TransportType;

export interface WebRtcOffer {
  type: "webrtc";
  offer_url: string;
  ice_servers: RTCIceServer[];
  /** `relay`: only candidates of TURN servers may be used. */
  ice_transport_policy?: RTCIceTransportPolicy;
  reason?: string;
}

export interface WebSocketOffer {
  type: "websocket";
  url: string;
  reason?: string;
}

export type TransportOffer = WebRtcOffer | WebSocketOffer;

/** What `POST /v1/sessions` answers: a session, its token, and how to connect, best way first. */
export interface Session {
  session_id: string;
  token: string;
  expires_at: string;
  /** How long a lost session waits for its client to come back. */
  resume_window_s?: number;
  transports: TransportOffer[];
}

export type Capabilities = Record<TransportType, boolean>;

/** What the server plans by. */
export interface ClientAbilities extends Capabilities {
  /** Whether there is a microphone to send. */
  microphone?: boolean;
  kind?: "browser";
}

/** The body of `POST /v1/sessions`. */
export interface SessionRequest {
  agent?: string;
  transport: TransportChoice;
  client: ClientAbilities;
  variables?: Record<string, string>;
  metadata?: Record<string, unknown>;
}

export type Fetch = typeof fetch;

const GOODBYE_WITHIN_MS = 1_000;
const STATE_WITHIN_MS = 3_000;
const ANSWER_WITHIN_MS = 15_000;

/** What this browser can do. */
export function capabilities(scope: object = globalThis): Capabilities {
  return { webrtc: "RTCPeerConnection" in scope, websocket: "WebSocket" in scope };
}

/**
 * Asks `url` for a session: a server's `/v1/sessions`, or a backend of one's own that passes on
 * what that answers. Throws `ServerRefused` or `ServerGone`.
 */
export async function requestSession(
  url: URL,
  wanted: SessionRequest,
  headers: Record<string, string> = {},
  request: Fetch = (...args) => fetch(...args),
): Promise<Session> {
  let response: Response;
  try {
    response = await request(url.toString(), {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(wanted),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
  } catch {
    throw new ServerGone(url.host);
  }
  if (!response.ok) throw await refusalOf(response);
  return (await response.json()) as Session;
}

/** The server's HTTP side for one session, with nothing but the session's token. */
export class SessionServer {
  readonly base: URL;

  /** Without `base` the server is where the plan's addresses point. */
  constructor(
    readonly session: Session,
    base?: URL,
    private readonly request: Fetch = (...args) => fetch(...args),
  ) {
    this.base = base ?? serverOf(session);
  }

  /** Tells the server that the caller hung up. Best effort: the connection's end says it too. */
  async end(): Promise<void> {
    try {
      await this.request(this.address, {
        method: "DELETE",
        headers: this.authorization,
        keepalive: true,
        signal: AbortSignal.timeout(GOODBYE_WITHIN_MS),
      });
    } catch {
      // Nothing to mend: the server notices the closed connection.
    }
  }

  /** Whether the session still waits for its client; null when the server does not say. */
  async waits(): Promise<boolean | null> {
    try {
      const response = await this.request(this.address, {
        cache: "no-store",
        headers: this.authorization,
        signal: AbortSignal.timeout(STATE_WITHIN_MS),
      });
      if ([401, 404, 410].includes(response.status)) return false;
      if (!response.ok) return null;
      return ((await response.json()) as { state?: string }).state !== "ended";
    } catch {
      return null;
    }
  }

  /** Whether the server answers at all. */
  async alive(): Promise<boolean> {
    try {
      await this.request(this.url("healthz"), {
        cache: "no-store",
        signal: AbortSignal.timeout(STATE_WITHIN_MS),
      });
      return true;
    } catch {
      return false;
    }
  }

  url(path: string): string {
    return new URL(path, this.base).toString();
  }

  private get address(): string {
    return this.url(`v1/sessions/${encodeURIComponent(this.session.session_id)}`);
  }

  get authorization(): Record<string, string> {
    return { Authorization: `Bearer ${this.session.token}` };
  }
}

/** Where the server of a session is, by the addresses in its plan. */
function serverOf({ transports }: Session): URL {
  for (const offer of transports) {
    const address = offer.type === "webrtc" ? offer.offer_url : offer.url;
    const [, root] = /^(.*?\/)v1\/sessions\//.exec(address.replace(/^ws/, "http")) ?? [];
    if (root && URL.canParse(root)) return new URL(root);
  }
  return new URL("./", globalThis.location.href);
}
