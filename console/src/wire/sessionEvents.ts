import { createParser } from "eventsource-parser";
import { pathOf, type Api } from "./api";
import { ServerRefused } from "./problem";
import type { SessionEvent } from "./views";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
const NO_MORE = 204;

interface Following {
  onEvent: (event: SessionEvent) => void;
  signal: AbortSignal;
  pause?: (ms: number) => Promise<void>;
}

/**
 * Calls `onEvent` with every event of a session above number `after`, as it comes, until the
 * session is over or `signal` aborts. It comes back by itself when the connection is lost.
 *
 * @throws ServerRefused when the session may not be read, or is gone.
 */
export async function followEvents(
  api: Api,
  sessionId: string,
  after: number,
  { onEvent, signal, pause = wait }: Following,
): Promise<void> {
  let last = after;
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; ) {
    try {
      const path = pathOf("v1/sessions", sessionId, "events", { after: last });
      const response = await api.stream(path, signal);
      if (response.status === NO_MORE || !response.body) return;
      pauseMs = FIRST_PAUSE_MS;
      await read(response.body, (event) => {
        last = event.number;
        onEvent(event);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServerRefused && error.status < 500) throw error;
    }
    // A stream also ends when the session went to another process, or the reader was too slow.
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  onEvent: (event: SessionEvent) => void,
): Promise<void> {
  const parser = createParser({
    onEvent: ({ data }) => onEvent(JSON.parse(data) as SessionEvent),
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
