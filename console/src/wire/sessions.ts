import type { Session, SessionRequest } from "@voice-agent/client";
import type { Account } from "./account";
import { Api, type Fetch } from "./api";

export interface AgentSummary {
  id: string;
  name: string;
  language?: string;
  version?: string | number;
}

/** What talking needs of the server, relative to where the page itself was served from. */
export class Server {
  private readonly api: Api;

  constructor(
    readonly base: URL,
    request?: Fetch,
    account?: Account,
  ) {
    this.api = new Api(base, account, request);
  }

  /** Every agent that may be called. */
  async agents(): Promise<AgentSummary[]> {
    return (await this.api.get<{ agents?: AgentSummary[] }>("v1/agents")).agents ?? [];
  }

  /** Opens a session and returns how to connect to it, best way first. */
  async createSession(wanted: SessionRequest): Promise<Session> {
    return this.api.send<Session>("POST", "v1/sessions", wanted);
  }
}
