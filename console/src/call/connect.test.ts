import { describe, expect, it } from "vitest";
import type { TransportOffer } from "../wire/sessions";
import { capabilities, connectInOrder, NoTransportWorked, type Attempt } from "./connect";

const RTC: TransportOffer = { type: "webrtc", offer_url: "/o", ice_servers: [], reason: "low delay" };
const WS: TransportOffer = { type: "websocket", url: "ws://h/ws?token=t" };
const BOTH = { webrtc: true, websocket: true };

function run(
  offers: TransportOffer[],
  dial: (offer: TransportOffer) => Promise<string>,
  able = BOTH,
  signal = new AbortController().signal,
) {
  const seen: (readonly Attempt[])[] = [];
  const connection = connectInOrder(offers, able, dial, (attempts) => seen.push(attempts), signal);
  return { seen, connection };
}

describe("connectInOrder", () => {
  it("takes the first that connects and leaves the rest alone", async () => {
    const { seen, connection } = run([RTC, WS], async (offer) => offer.type);
    expect(await connection).toBe("webrtc");
    expect(seen.at(-1)?.map((attempt) => attempt.outcome)).toEqual(["connected", "waiting"]);
  });

  it("falls to the next when one fails, and remembers why", async () => {
    const { seen, connection } = run([RTC, WS], async (offer) => {
      if (offer.type === "webrtc") throw new Error("no route");
      return offer.type;
    });
    expect(await connection).toBe("websocket");
    expect(seen.at(-1)).toMatchObject([
      { outcome: "failed", error: "no route", reason: "low delay" },
      { outcome: "connected" },
    ]);
  });

  it("passes over what this browser cannot do", async () => {
    const { seen, connection } = run([RTC, WS], async (offer) => offer.type, {
      webrtc: false,
      websocket: true,
    });
    expect(await connection).toBe("websocket");
    expect(seen.at(-1)?.[0]?.outcome).toBe("not possible here");
  });

  it("says of each why it failed when none connects", async () => {
    const { connection } = run([RTC, WS], async (offer) => {
      throw new Error(`${offer.type} is broken`);
    });
    const error = await connection.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NoTransportWorked);
    expect(String(error)).toContain("webrtc: webrtc is broken; websocket: websocket is broken");
  });

  it("tries no further once the caller has hung up", async () => {
    const hangUp = new AbortController();
    const dialled: string[] = [];
    const { connection } = run(
      [RTC, WS],
      async (offer) => {
        dialled.push(offer.type);
        hangUp.abort(new Error("hung up"));
        throw new Error("closed");
      },
      BOTH,
      hangUp.signal,
    );
    await expect(connection).rejects.toThrow("hung up");
    expect(dialled).toEqual(["webrtc"]);
  });

  it("says so when the server offers nothing", async () => {
    await expect(run([], async () => "x").connection).rejects.toThrow("offered no transport");
  });
});

describe("capabilities", () => {
  it("asks the browser, not its name", () => {
    expect(capabilities({ WebSocket: 1 })).toEqual({ webrtc: false, websocket: true });
  });
});
