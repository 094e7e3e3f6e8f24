import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TransportOffer } from "../wire/session";
import { HEAD_START_MS, NoTransportWorked, race, type Step } from "./race";

const RTC: TransportOffer = { type: "webrtc", offer_url: "/o", ice_servers: [], reason: "low delay" };
const WS: TransportOffer = { type: "websocket", url: "ws://h/ws?token=t" };
const BOTH = { webrtc: true, websocket: true };

/** A connection that does what the test tells it to. */
class Dialled {
  readonly result: Promise<string>;
  connect: () => void = () => undefined;
  fail: (words: string) => void = () => undefined;

  constructor(
    readonly type: string,
    readonly signal: AbortSignal,
  ) {
    this.result = new Promise((resolve, reject) => {
      this.connect = () => resolve(type);
      this.fail = (words) => reject(new Error(words));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  }
}

function run(offers: TransportOffer[], able = BOTH, hangUp = new AbortController()) {
  const dialled: Dialled[] = [];
  const closed: string[] = [];
  const seen: (readonly Step[])[] = [];
  const winner = race({
    offers,
    able,
    dial: (offer, signal) => {
      const connection = new Dialled(offer.type, signal);
      dialled.push(connection);
      return connection.result;
    },
    close: (connection) => void closed.push(connection),
    onProgress: (steps) => seen.push(steps),
    signal: hangUp.signal,
  });
  winner.catch(() => undefined);
  const types = () => dialled.map(({ type }) => type);
  const outcomes = () => seen.at(-1)?.map(({ outcome }) => outcome);
  return { winner, dialled, closed, seen, types, outcomes, hangUp };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("race", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("leaves the next alone when the first connects in time", async () => {
    const { winner, dialled, types, outcomes } = run([RTC, WS]);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS - 1);
    dialled[0]!.connect();
    expect(await winner).toBe("webrtc");
    expect(types()).toEqual(["webrtc"]);
    expect(outcomes()).toEqual(["connected", "not needed"]);
  });

  it("starts the next beside a slow first, and takes the first all the same when it wins", async () => {
    const { winner, dialled, types, outcomes } = run([RTC, WS]);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    expect(types()).toEqual(["webrtc", "websocket"]);
    dialled[0]!.connect();
    expect(await winner).toBe("webrtc");
    expect(dialled[1]!.signal.aborted).toBe(true);
    expect(outcomes()).toEqual(["connected", "not needed"]);
  });

  it("goes over the second when the first never connects", async () => {
    const { winner, dialled, outcomes } = run([RTC, WS]);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    dialled[1]!.connect();
    expect(await winner).toBe("websocket");
    expect(dialled[0]!.signal.aborted).toBe(true);
    // It was given up: that is no failure that anybody has to hear of.
    expect(outcomes()).toEqual(["not needed", "connected"]);
  });

  it("keeps one when both connect at once", async () => {
    const { winner, dialled, closed } = run([RTC, WS]);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    dialled[0]!.connect();
    dialled[1]!.connect();
    expect(await winner).toBe("webrtc");
    await settle();
    expect(closed).toEqual(["websocket"]);
  });

  it("starts the next at once when the first fails, and remembers why", async () => {
    const { winner, dialled, seen, types } = run([RTC, WS]);
    dialled[0]!.fail("no route");
    await settle();
    expect(types()).toEqual(["webrtc", "websocket"]);
    dialled[1]!.connect();
    expect(await winner).toBe("websocket");
    expect(seen.at(-1)).toMatchObject([
      { outcome: "failed", error: "no route", reason: "low delay" },
      { outcome: "connected" },
    ]);
  });

  it("waits for those that run when the last one fails", async () => {
    const { winner, dialled } = run([RTC, WS]);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    dialled[1]!.fail("refused");
    await vi.advanceTimersByTimeAsync(HEAD_START_MS * 2);
    dialled[0]!.connect();
    expect(await winner).toBe("webrtc");
  });

  it("says of each why it failed when all do", async () => {
    const { winner, dialled } = run([RTC, WS]);
    dialled[0]!.fail("no route");
    await settle();
    dialled[1]!.fail("refused");
    const error = await winner.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NoTransportWorked);
    expect(String(error)).toContain("webrtc: no route; websocket: refused");
  });

  it("gives all up when the caller hangs up in mid-race", async () => {
    const { winner, dialled, types, hangUp } = run([RTC, WS]);
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    hangUp.abort(new Error("hung up"));
    await expect(winner).rejects.toThrow("hung up");
    expect(dialled.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(types()).toHaveLength(2);
  });

  it("closes a connection that comes when the caller has hung up", async () => {
    const { winner, dialled, closed, hangUp } = run([RTC]);
    dialled[0]!.connect();
    hangUp.abort(new Error("hung up"));
    await expect(winner).rejects.toThrow("hung up");
    await settle();
    expect(closed).toEqual(["webrtc"]);
  });

  it("dials nothing for a caller who has hung up already", async () => {
    const hangUp = new AbortController();
    hangUp.abort(new Error("hung up"));
    const { winner, types } = run([RTC], BOTH, hangUp);
    await expect(winner).rejects.toThrow("hung up");
    expect(types()).toEqual([]);
  });

  it("passes over what this browser cannot do", async () => {
    const { winner, dialled, types, seen } = run([RTC, WS], { webrtc: false, websocket: true });
    expect(types()).toEqual(["websocket"]);
    dialled[0]!.connect();
    expect(await winner).toBe("websocket");
    expect(seen.at(-1)?.[0]?.outcome).toBe("not possible here");
  });

  it("says so when the server offers nothing, or nothing possible", async () => {
    await expect(run([]).winner).rejects.toThrow("offered no transport");
    await expect(run([RTC], { webrtc: false, websocket: true }).winner).rejects.toThrow(
      "webrtc: not possible here",
    );
  });
});
