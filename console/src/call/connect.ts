import type { Capabilities, TransportOffer, TransportType } from "../wire/sessions";

export interface Attempt {
  type: TransportType;
  reason: string;
  outcome: "waiting" | "trying" | "connected" | "failed" | "not possible here";
  error?: string;
}

/** No offered transport led to a connection. */
export class NoTransportWorked extends Error {
  constructor(readonly attempts: readonly Attempt[]) {
    super(
      attempts.length === 0
        ? "The server offered no transport."
        : attempts.map(({ type, error }) => `${type}: ${error ?? "not possible here"}`).join("; "),
    );
    this.name = "NoTransportWorked";
  }
}

/** What this browser can do. */
export function capabilities(scope: object = globalThis): Capabilities {
  return { webrtc: "RTCPeerConnection" in scope, websocket: "WebSocket" in scope };
}

/**
 * Tries the offers in the server's order until one connects.
 *
 * Returns what `dial` returned for the first that did. Throws `NoTransportWorked` when none
 * did, and whatever `signal` was aborted with when the caller gave up first.
 */
export async function connectInOrder<Connection>(
  offers: readonly TransportOffer[],
  able: Capabilities,
  dial: (offer: TransportOffer) => Promise<Connection>,
  onProgress: (attempts: readonly Attempt[]) => void,
  signal: AbortSignal,
): Promise<Connection> {
  let attempts: readonly Attempt[] = offers.map(({ type, reason }) => ({
    type,
    reason: reason ?? "",
    outcome: able[type] ? "waiting" : "not possible here",
  }));
  const note = (index: number, change: Partial<Attempt>) => {
    attempts = attempts.map((attempt, at) => (at === index ? { ...attempt, ...change } : attempt));
    onProgress(attempts);
  };
  onProgress(attempts);
  for (const [index, offer] of offers.entries()) {
    if (!able[offer.type]) continue;
    note(index, { outcome: "trying" });
    try {
      const connection = await dial(offer);
      note(index, { outcome: "connected" });
      return connection;
    } catch (error) {
      signal.throwIfAborted();
      note(index, { outcome: "failed", error: error instanceof Error ? error.message : String(error) });
    }
  }
  throw new NoTransportWorked(attempts);
}
