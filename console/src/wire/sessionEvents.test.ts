import { describe, expect, it } from "vitest";
import { Account } from "./account";
import { Api } from "./api";
import { followEvents } from "./sessionEvents";
import type { SessionEvent } from "./views";

const BASE = new URL("http://host.test/");

function sent(...numbers: number[]): string {
  return numbers
    .map((number) => {
      const event = { number, at: "2026-01-01T00:00:00Z", type: "speaking_started", data: {} };
      return `: still here\n\nid: ${number}\nevent: x\ndata: ${JSON.stringify(event)}\n\n`;
    })
    .join("");
}

/** Answers each request with the next of `answers`; notes behind which number each began. */
function following(...answers: (() => Response | Promise<Response>)[]) {
  const begun: string[] = [];
  const request = (async (input: RequestInfo | URL) => {
    begun.push(new URL(String(input)).searchParams.get("after") ?? "");
    const next = answers.shift();
    if (!next) throw new Error("asked too often");
    return next();
  }) as typeof fetch;
  const api = new Api(BASE, new Account(BASE, null, request), request);
  const seen: number[] = [];
  const follow = followEvents(api, "s", 4, {
    onEvent: (event: SessionEvent) => seen.push(event.number),
    signal: new AbortController().signal,
    pause: () => Promise.resolve(),
  });
  return { begun, seen, follow };
}

const over = () => new Response(null, { status: 204 });

describe("followEvents", () => {
  it("goes on behind the last number when the stream ends or the connection is lost", async () => {
    const { begun, seen, follow } = following(
      () => new Response(sent(5, 6)),
      () => Promise.reject(new TypeError("Failed to fetch")),
      () => Response.json({ title: "The database is away" }, { status: 503 }),
      () => new Response(sent(7)),
      over,
    );
    await follow;
    expect(seen).toEqual([5, 6, 7]);
    expect(begun).toEqual(["4", "6", "6", "6", "7"]);
  });

  it("puts together what comes in pieces", async () => {
    const bytes = new TextEncoder().encode(sent(5, 6));
    const pieces = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
        controller.close();
      },
    });
    const { seen, follow } = following(() => new Response(pieces), over);
    await follow;
    expect(seen).toEqual([5, 6]);
  });

  it("gives up when it may not read the session", async () => {
    const { follow } = following(() => Response.json({ title: "Not yours" }, { status: 403 }));
    await expect(follow).rejects.toMatchObject({ status: 403 });
  });
});
