import type { Account } from "./account";
import { refusalOf, ServerGone } from "./problem";

export type TransportType = "webrtc" | "websocket";
export type TransportChoice = "auto" | TransportType;

export interface WebRtcOffer {
  type: "webrtc";
  offer_url: string;
  ice_servers: RTCIceServer[];
  reason?: string;
}

export interface WebSocketOffer {
  type: "websocket";
  url: string;
  reason?: string;
}

export type TransportOffer = WebRtcOffer | WebSocketOffer;

export interface Session {
  session_id: string;
  token: string;
  expires_at: string;
  transports: TransportOffer[];
}

export interface AgentSummary {
  id: string;
  name: string;
  language?: string;
  version?: string | number;
}

export interface Capabilities {
  webrtc: boolean;
  websocket: boolean;
}

type Fetch = typeof fetch;

const GOODBYE_WITHIN_MS = 1_000;
const ANSWER_WITHIN_MS = 15_000;

/** The server's HTTP side, relative to where the page itself was served from. */
export class Server {
  constructor(
    readonly base: URL,
    private readonly request: Fetch = (...args) => fetch(...args),
    private readonly account?: Account,
  ) {}

  /** Every agent that may be called. */
  async agents(): Promise<AgentSummary[]> {
    const body = await this.json<{ agents?: AgentSummary[] }>("v1/agents");
    return body.agents ?? [];
  }

  /** Opens a session and returns how to connect to it, best way first. */
  async createSession(
    agent: string | undefined,
    transport: TransportChoice,
    client: Capabilities,
  ): Promise<Session> {
    return this.json<Session>("v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...(agent ? { agent } : {}), transport, client }),
    });
  }

  /** Tells the server that the caller hung up. Best effort: the connection's end says it too. */
  async endSession(session: Session): Promise<void> {
    try {
      await this.request(this.url(`v1/sessions/${encodeURIComponent(session.session_id)}`), {
        method: "DELETE",
        headers: { Authorization: `Bearer ${session.token}` },
        keepalive: true,
        signal: AbortSignal.timeout(GOODBYE_WITHIN_MS),
      });
    } catch {
      // Nothing to mend: the server notices the closed connection.
    }
  }

  /** Whether a session still waits for its client; null when the server does not say. */
  async waits(session: Session): Promise<boolean | null> {
    try {
      const response = await this.request(
        this.url(`v1/sessions/${encodeURIComponent(session.session_id)}`),
        {
          cache: "no-store",
          headers: { Authorization: `Bearer ${session.token}` },
          signal: AbortSignal.timeout(3_000),
        },
      );
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
        signal: AbortSignal.timeout(3_000),
      });
      return true;
    } catch {
      return false;
    }
  }

  url(path: string): string {
    return new URL(path, this.base).toString();
  }

  private async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    let response: Response;
    const authorization = await this.account?.authorization();
    const headers = new Headers(init.headers);
    if (authorization) headers.set("Authorization", authorization);
    try {
      response = await this.request(this.url(path), {
        ...init,
        headers,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new ServerGone(this.base.host);
    }
    if (response.status === 401) this.account?.forget();
    if (!response.ok) throw await refusalOf(response);
    return (await response.json()) as T;
  }
}
