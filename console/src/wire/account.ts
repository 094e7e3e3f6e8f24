import { refusalOf, ServerGone, ServerRefused } from "./problem";

/** Where a visitor stands: `open` when the server asks nobody who he is. */
export type Standing = "unknown" | "open" | "signed out" | "setting up" | "signed in";

export interface SignedIn {
  access_token: string;
  expires_in: number;
  refresh_token: string;
}

export interface NewAdministrator {
  email: string;
  name: string;
  password: string;
}

type Fetch = typeof fetch;

const KEPT_AS = "voice-agent.refresh-token";
/** A token is renewed so long before it expires, to be good for what it is asked for. */
const AHEAD_MS = 30_000;
const ANSWER_WITHIN_MS = 15_000;
/** How the setup link begins, behind the page's address. */
export const SETUP = "#setup=";

/**
 * Who the visitor is. The access token lives as long as the page; the refresh token as long as the
 * tab, so that loading the page again does not sign him out.
 */
export class Account {
  private standing: Standing = "unknown";
  private access: { token: string; until: number } | null = null;
  private renewing: Promise<void> | null = null;
  private setupToken: string | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly base: URL,
    private readonly storage: Storage | null,
    private readonly request: Fetch = (...args) => fetch(...args),
    private readonly now: () => number = () => Date.now(),
  ) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): Standing => this.standing;

  /** Finds out whether the server asks who one is, and whether that is known already. */
  async begin(hash: string): Promise<void> {
    if (hash.startsWith(SETUP)) {
      this.setupToken = hash.slice(SETUP.length);
      this.become("setting up");
      return;
    }
    try {
      if (await this.authorization()) return;
      const response = await this.request(this.url("v1/auth/me"), { cache: "no-store" });
      this.become(response.status === 401 ? "signed out" : "open");
    } catch {
      // Nobody answers: the page says so when it asks for the agents.
      this.become("open");
    }
  }

  async signIn(email: string, password: string): Promise<void> {
    this.take(await this.post<SignedIn>("v1/auth/sign-in", { email, password }));
  }

  /** Makes the first administrator and signs him in. */
  async setUp(administrator: NewAdministrator): Promise<void> {
    const body = { ...administrator, token: this.setupToken };
    this.take(await this.post<SignedIn>("v1/auth/setup", body));
    this.setupToken = null;
  }

  /** Goes from setting up to signing in, when somebody was made already. */
  giveUpSetup(): void {
    this.setupToken = null;
    this.become("signed out");
  }

  async signOut(): Promise<void> {
    const header = await this.authorization();
    this.forget();
    if (!header) return;
    try {
      await this.request(this.url("v1/auth/sign-out"), {
        method: "POST",
        headers: { Authorization: header },
      });
    } catch {
      // Signed out here all the same; the token expires by itself.
    }
  }

  /** What to send as `Authorization`, nothing when nobody is signed in. */
  async authorization(): Promise<string | undefined> {
    if (this.kept && (!this.access || this.access.until - AHEAD_MS <= this.now())) {
      this.renewing ??= this.renew().finally(() => (this.renewing = null));
      await this.renewing;
    }
    return this.access ? `Bearer ${this.access.token}` : undefined;
  }

  /** The server says that who asks is nobody any more. */
  forget(): void {
    this.access = null;
    this.keep(null);
    this.become("signed out");
  }

  private async renew(): Promise<void> {
    try {
      this.take(await this.post<SignedIn>("v1/auth/refresh", { refresh_token: this.kept }));
    } catch (error) {
      if (!(error instanceof ServerRefused)) throw error;
      this.forget();
    }
  }

  /** Goes on with new tokens: the earlier ones count no more. */
  take({ access_token, expires_in, refresh_token }: SignedIn): void {
    this.access = { token: access_token, until: this.now() + expires_in * 1_000 };
    this.keep(refresh_token);
    this.become("signed in");
  }

  private get kept(): string | null {
    try {
      return this.storage?.getItem(KEPT_AS) ?? null;
    } catch {
      return null;
    }
  }

  private keep(refreshToken: string | null): void {
    try {
      if (refreshToken === null) this.storage?.removeItem(KEPT_AS);
      else this.storage?.setItem(KEPT_AS, refreshToken);
    } catch {
      // A private window may have no storage: one signs in again after 15 minutes.
    }
  }

  private become(standing: Standing): void {
    if (standing === this.standing) return;
    this.standing = standing;
    for (const listener of this.listeners) listener();
  }

  private url(path: string): string {
    return new URL(path, this.base).toString();
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    let response: Response;
    try {
      response = await this.request(this.url(path), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
    } catch {
      throw new ServerGone(this.base.host);
    }
    if (!response.ok) throw await refusalOf(response);
    return (await response.json()) as T;
  }
}
