import type { Capabilities, TransportOffer, TransportType } from "../wire/session";

/** How one step of the server's plan fared in the current attempt. */
export interface Step {
  type: TransportType;
  /** Why the server put it where it stands. */
  reason: string;
  outcome: "waiting" | "trying" | "connected" | "failed" | "not needed" | "not possible here";
  error?: string;
}

/** No offered transport led to a connection. */
export class NoTransportWorked extends Error {
  constructor(readonly steps: readonly Step[]) {
    super(
      steps.length === 0
        ? "The server offered no transport."
        : steps.map(({ type, error }) => `${type}: ${error ?? "not possible here"}`).join("; "),
    );
    this.name = "NoTransportWorked";
  }
}

/** How long a step has before the next one is started beside it. */
export const HEAD_START_MS = 1_500;

export interface Race<Connection> {
  offers: readonly TransportOffer[];
  able: Capabilities;
  /** Connects one offer; resolves when it carries the call. Gives up when the signal aborts. */
  dial: (offer: TransportOffer, signal: AbortSignal) => Promise<Connection>;
  /** Closes a connection that came too late. */
  close: (connection: Connection) => void;
  onProgress: (steps: readonly Step[]) => void;
  signal: AbortSignal;
}

/**
 * Starts the offers in order: the next when the one before has failed, or has not connected
 * within its head start. The first that carries the call wins, the others are given up.
 *
 * Returns the winner. Throws `NoTransportWorked` when all fail, and whatever `signal` was aborted
 * with when the caller hung up first.
 */
export function race<Connection>({
  offers,
  able,
  dial,
  close,
  onProgress,
  signal,
}: Race<Connection>): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const losers = new AbortController();
    let steps: readonly Step[] = offers.map(({ type, reason }) => ({
      type,
      reason: reason ?? "",
      outcome: able[type] ? "waiting" : "not possible here",
    }));
    let started = 0;
    let running = 0;
    let isDecided = false;
    let headStart: ReturnType<typeof setTimeout> | undefined;

    const note = (change: (step: Step, index: number) => Partial<Step>) => {
      steps = steps.map((step, index) => ({ ...step, ...change(step, index) }));
      onProgress(steps);
    };
    const noteOf = (which: number, change: Partial<Step>) =>
      note((_, index) => (index === which ? change : {}));
    const decide = (reason: unknown) => {
      isDecided = true;
      clearTimeout(headStart);
      signal.removeEventListener("abort", onAbort);
      losers.abort(reason);
    };
    const onAbort = () => {
      decide(signal.reason);
      reject(signal.reason as Error);
    };

    const startNext = () => {
      clearTimeout(headStart);
      while (started < offers.length && !able[offers[started]!.type]) started++;
      const index = started;
      const offer = offers[index];
      if (!offer) {
        if (running > 0) return;
        decide(undefined);
        reject(new NoTransportWorked(steps));
        return;
      }
      started++;
      running++;
      noteOf(index, { outcome: "trying" });
      headStart = setTimeout(startNext, HEAD_START_MS);
      dial(offer, losers.signal).then(
        (connection) => {
          if (isDecided) return close(connection);
          decide(new DOMException("Another connection was faster.", "AbortError"));
          note((step, at) =>
            at === index
              ? { outcome: "connected" }
              : step.outcome === "trying" || step.outcome === "waiting"
                ? { outcome: "not needed" }
                : {},
          );
          resolve(connection);
        },
        (error: unknown) => {
          running--;
          if (isDecided) return;
          noteOf(index, {
            outcome: "failed",
            error: error instanceof Error ? error.message : String(error),
          });
          startNext();
        },
      );
    };

    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort);
    onProgress(steps);
    startNext();
  });
}
