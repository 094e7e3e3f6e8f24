/** What went wrong at the server's border, in the server's own words (RFC 9457). */
export class ServerRefused extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail);
    this.name = "ServerRefused";
  }
}

/** No answer at all: the server is not running, or not reachable from here. */
export class ServerGone extends Error {
  constructor(readonly address: string) {
    super(`No answer from ${address}.`);
    this.name = "ServerGone";
  }
}

/** Reads a refusal's problem document; copes with a proxy that answers in HTML. */
export async function refusalOf(response: Response): Promise<ServerRefused> {
  const fallback = response.statusText || `HTTP ${response.status}`;
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null) {
      const { title, detail, info } = body as Record<string, unknown>;
      return new ServerRefused(
        response.status,
        typeof title === "string" ? title : fallback,
        typeof detail === "string" ? detail : typeof info === "string" ? info : fallback,
      );
    }
  } catch {
    // Not JSON: what the status says is all there is.
  }
  return new ServerRefused(response.status, fallback, fallback);
}
