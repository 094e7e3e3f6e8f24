import type { Session, SessionRequest } from "@voice-agent/client";
import type { Account } from "./account";
import { refusalOf, ServerGone } from "./problem";

export interface AgentSummary {
  id: string;
  name: string;
  language?: string;
  version?: string | number;
}

type Fetch = typeof fetch;

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
  async createSession(wanted: SessionRequest): Promise<Session> {
    return this.json<Session>("v1/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wanted),
    });
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
