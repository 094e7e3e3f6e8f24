import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { VoiceAgentClient } from "./client";
import { NoMicrophone } from "./media/microphone";
import type { VoiceAgentOptions } from "./options";
import { devices, made, message, SESSION, settle, type Fake } from "./testing/fakes";
import type { SessionRequest } from "./wire/session";

vi.mock("./transport/official", async () => (await import("./testing/fakes")).official);
vi.mock("./media/devices", () => ({
  Devices: class {
    constructor() {
      Object.assign(this, devices(), { close: async () => undefined, microphone: null });
    }
    async openMicrophone() {
      if (refusal) throw refusal;
      opened.push(devices().microphone);
      return Object.assign(this, { microphone: opened.at(-1)! }).microphone;
    }
    dropMicrophone() {
      Object.assign(this, { microphone: null });
    }
  },
}));

const opened: (ReturnType<typeof devices>["microphone"] & { onEnded?: () => void })[] = [];
let refusal: Error | null = null;

const asked: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  for (const name of ["RTCPeerConnection", "WebSocket"]) vi.stubGlobal(name, class {});
  vi.stubGlobal("window", { navigator: { userAgent: "a browser" } });
  const browser = new EventTarget();
  vi.stubGlobal("addEventListener", browser.addEventListener.bind(browser));
  vi.stubGlobal("removeEventListener", browser.removeEventListener.bind(browser));
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    asked.push(`${init.method ?? "GET"} ${url}`);
    return Response.json({ state: "suspended" });
  });
  made.length = asked.length = opened.length = 0;
  refusal = null;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function texts(line: Fake): string[] {
  return line.sent
    .filter(({ type }) => type === "send-text")
    .map(({ data }) => (data as { content: string }).content);
}

function caller(options: VoiceAgentOptions = {}) {
  const wanted: SessionRequest[] = [];
  const client = new VoiceAgentClient({
    session: async (request) => {
      wanted.push(request);
      return SESSION;
    },
    ...options,
  });
  const phases: string[] = [];
  const errors: Error[] = [];
  client.on("state", (phase) => phases.push(phase));
  client.on("error", (error) => errors.push(error));
  return { client, wanted, phases, errors };
}

async function talking(options?: VoiceAgentOptions) {
  const call = caller(options);
  const connected = call.client.connect();
  await settle();
  await made[0]!.answers();
  await connected;
  return call;
}

describe("VoiceAgentClient", () => {
  it("asks for the session that was wished for, and tells how the call goes", async () => {
    const { client, wanted, phases, errors } = await talking({ agent: "sales", metadata: { a: 1 } });
    expect(wanted).toEqual([
      {
        agent: "sales",
        metadata: { a: 1 },
        transport: "auto",
        client: { webrtc: true, websocket: true, microphone: true, kind: "browser" },
      },
    ]);
    expect(client.snapshot()).toMatchObject({ connectedOver: "webrtc", microphone: "on" });
    await client.disconnect();
    expect(phases).toEqual(["connecting", "talking", "idle"]);
    expect(asked.at(-1)).toBe("DELETE http://voice.test/v1/sessions/s");
    expect(errors).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells what was said, and who is speaking", async () => {
    const { client } = await talking();
    const turns: string[] = [];
    client.on("turn", (turn) => turns.push(turn));
    const line = made[0]!;
    line.say(message("user-started-speaking"));
    line.say(message("user-transcription", { text: "hello", final: true }));
    line.say(message("user-stopped-speaking"));
    line.say(message("bot-started-speaking"));
    line.say(message("bot-output", { text: "Hi.", segment_id: 1 }));
    expect(turns).toEqual(["user", "thinking", "agent"]);
    expect(client.snapshot().transcript).toMatchObject([
      { kind: "user", text: "hello" },
      { kind: "agent", segments: [{ spoken: "Hi." }] },
    ]);
  });

  it("keeps what was typed through a loss, and sends what was not answered again", async () => {
    const { client, phases } = await talking();
    await client.sendText("answered");
    made[0]!.say(message("bot-started-speaking"));
    await client.sendText("not answered");
    made[0]!.events.failed(new Error("ICE failed"));
    await client.sendText("typed meanwhile");
    await settle();
    await made[1]!.answers();
    expect(texts(made[0]!)).toEqual(["answered", "not answered"]);
    expect(texts(made[1]!)).toEqual(["not answered", "typed meanwhile"]);
    expect(phases).toEqual(["connecting", "talking", "returning", "talking"]);
  });

  it("sends nothing again that had its time to be answered", async () => {
    const { client } = await talking();
    await client.sendText("thank you");
    await vi.advanceTimersByTimeAsync(9_000);
    made[0]!.events.failed(new Error("ICE failed"));
    await settle();
    await made[1]!.answers();
    expect(texts(made[1]!)).toEqual([]);
  });

  it("stays muted through a loss", async () => {
    const { client } = await talking();
    client.setMuted(true);
    made[0]!.events.failed(new Error("ICE failed"));
    await settle();
    await made[1]!.answers();
    expect(made[1]!.microphone).toBe(false);
    expect(client.snapshot().microphone).toBe("muted");
  });

  it("calls in writing when there is no call yet", async () => {
    const { client } = caller();
    const said = client.sendText("Where can I park?");
    await settle();
    await made[0]!.answers();
    await said;
    expect(client.snapshot().microphone).toBe("off");
    expect(texts(made[0]!)).toEqual(["Where can I park?"]);
  });

  it("says why a call could not be made, in words and as an error", async () => {
    const { client, errors, phases } = caller();
    const connected = client.connect();
    await settle();
    made[0]!.events.failed(new Error("no route"));
    await settle();
    await Promise.all([expect(connected).rejects.toThrow("no route"), made[1]!.closes(1006)]);
    expect(client.snapshot().notice).toMatchObject({ title: "No connection got through" });
    expect(errors).toHaveLength(1);
    expect(phases).toEqual(["connecting", "idle"]);
    expect(asked).toContain("DELETE http://voice.test/v1/sessions/s");
  });

  it("leaves the session of a displaced call alone", async () => {
    const { client } = await talking();
    const data = { error: "a newer connection took the session over", fatal: true };
    made[0]!.say(message("error", data));
    await settle();
    expect(client.snapshot()).toMatchObject({ phase: "idle", notice: { tone: "trouble" } });
    expect(asked.some((line) => line.startsWith("DELETE"))).toBe(false);
  });

  it("may be hung up while it connects", async () => {
    const { client, errors, phases } = caller();
    const connected = client.connect();
    await settle();
    await client.disconnect();
    await connected;
    expect(phases).toEqual(["connecting", "idle"]);
    expect(errors).toEqual([]);
    expect(made[0]!.isDisconnected).toBe(true);
  });

  it("stays hung up when its connection dies before the server has heard of it", async () => {
    const { client, phases } = await talking();
    const hungUp = client.disconnect();
    await made[0]!.closes(1006);
    await settle();
    await hungUp;
    expect(phases.at(-1)).toBe("idle");
    expect(client.snapshot().phase).toBe("idle");
  });

  it("has nothing to say of a call that was hung up, when that ends", async () => {
    const { client } = await talking();
    const hungUp = client.disconnect();
    const next = client.connect();
    await made[0]!.closes(1000, "the session is over");
    await hungUp;
    await made[1]!.answers();
    await next;
    made[0]!.say(message("user-transcription", { text: "too late", final: true }));
    expect(client.snapshot()).toMatchObject({ phase: "talking", notice: null });
    expect(client.snapshot().transcript).toEqual([]);
  });

  it("hangs up whatever its listeners do", async () => {
    const { client } = await talking();
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    client.on("change", () => {
      throw new Error("a page's mistake");
    });
    await client.disconnect();
    expect(opened[0]!.close).toHaveBeenCalled();
    expect(asked.at(-1)).toBe("DELETE http://voice.test/v1/sessions/s");
    expect(made[0]!.isDisconnected).toBe(true);
    expect(reported).toHaveBeenCalled();
  });

  it("makes no call where the microphone is required and refused", async () => {
    const { client, wanted } = caller();
    refusal = new NoMicrophone("refused", "no");
    await expect(client.connect({ microphone: "required" })).rejects.toThrow("no");
    expect(client.snapshot()).toMatchObject({ phase: "idle", notice: { tone: "trouble" } });
    expect(client.snapshot().notice!.text).not.toContain("type");
    expect(wanted).toEqual([]);
  });

  it("says once that the microphone is silent, and not of one that is muted", async () => {
    const { client } = await talking();
    client.setMuted(true);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(client.snapshot().notice).toBeNull();
    client.setMuted(false);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(client.snapshot().notice?.title).toBe("Your microphone is silent");
    client.notice(null);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(client.snapshot().notice).toBeNull();
  });

  it("notices that the microphone has gone, and takes another one", async () => {
    const { client, phases } = await talking();
    opened[0]!.onEnded!();
    expect(client.snapshot()).toMatchObject({
      microphone: "off",
      notice: { title: "The microphone has gone" },
    });
    void client.useMicrophone();
    await settle();
    await made[1]!.answers();
    expect(opened).toHaveLength(2);
    expect(client.snapshot().microphone).toBe("on");
    expect(phases).toEqual(["connecting", "talking", "returning", "talking"]);
  });

  it("takes no secret key", () => {
    const careless = () => new VoiceAgentClient({ server: "http://voice.test", key: "vak_secret_x" });
    expect(careless).toThrow("no place in a web page");
  });
});
