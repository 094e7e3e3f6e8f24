import type { Account, SignedIn } from "./account";
import { refusalOf, ServerGone } from "./problem";

export type Fetch = typeof fetch;
export type Method = "POST" | "PUT" | "PATCH" | "DELETE";

const ANSWER_WITHIN_MS = 15_000;

/**
 * The server's API below `v1/`, as whoever is signed in. What it refuses is thrown as a
 * `ServerRefused` with the words of its problem document, no answer as a `ServerGone`.
 */
export class Api {
  constructor(
    private readonly base: URL,
    /** Of who is signed in; none where nobody has to be. */
    private readonly account?: Account,
    private readonly request: Fetch = (...args) => fetch(...args),
  ) {}

  get = async <T>(path: string): Promise<T> => {
    const response = await this.answer(path, { cache: "no-store" });
    return (await response.json()) as T;
  };

  /** Sends a change; returns what the server answers, nothing where it answers nothing. */
  async send<T = void>(
    method: Method,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const response = await this.answer(path, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  async blob(path: string): Promise<Blob> {
    return (await this.answer(path)).blob();
  }

  /** An answer that goes on until `signal` aborts it. */
  async stream(path: string, signal: AbortSignal): Promise<Response> {
    return this.answer(path, { cache: "no-store", signal });
  }

  /** Changes the password of who is signed in; he stays so here, and nowhere else. */
  async changePassword(current: string, next: string): Promise<void> {
    const body = JSON.stringify({ current_password: current, new_password: next });
    const headers = { "Content-Type": "application/json" };
    const init = { method: "POST", headers, body };
    // A 401 says here that the current password is wrong, not that he is signed out.
    const response = await this.answer("v1/auth/password", init, { mayForget: false });
    this.account?.take((await response.json()) as SignedIn);
  }

  private async answer(
    path: string,
    init: RequestInit = {},
    { mayForget = true } = {},
  ): Promise<Response> {
    const headers = new Headers(init.headers);
    let response: Response;
    try {
      const authorization = await this.account?.authorization();
      if (authorization) headers.set("Authorization", authorization);
      response = await this.request(new URL(path, this.base).toString(), {
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
        ...init,
        headers,
      });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ServerGone(this.base.host);
    }
    if (response.status === 401 && mayForget) this.account?.forget();
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

/** A path with ids and a query in it, each made safe: `pathOf("v1/agents", id, { limit: 5 })`. */
export function pathOf(
  place: string,
  ...parts: (string | number | Record<string, string | number | null | undefined>)[]
): string {
  const query = new URLSearchParams();
  let path = place;
  for (const part of parts) {
    if (typeof part !== "object") {
      path += `/${encodeURIComponent(part)}`;
      continue;
    }
    for (const [name, value] of Object.entries(part)) {
      if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
    }
  }
  return query.size > 0 ? `${path}?${query}` : path;
}
