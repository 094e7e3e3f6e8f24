import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Devices } from "../media/devices";
import type { Microphone } from "../media/microphone";
import type { Notice } from "../state/state";
import { devices, made, message, SESSION, settle } from "../testing/fakes";
import type { Session } from "../wire/session";
import { VoiceAgentTransport } from "./composite";
import { HEAD_START_MS } from "./race";

vi.mock("./official", async () => (await import("../testing/fakes")).official);

function calling(session = SESSION, hardware: object = devices()) {
  const heard: string[] = [];
  const happened: string[] = [];
  const notices: Notice[] = [];
  const transport = new VoiceAgentTransport(hardware as unknown as Devices, {
    steps: () => undefined,
    connected: (type) => void happened.push(type),
    lost: () => void happened.push("lost"),
    over: (notice) => {
      happened.push("over");
      notices.push(notice);
    },
  });
  transport.initialize({ transport, callbacks: {} }, ({ type }) => void heard.push(type));
  const connected = transport.connect(session).then(() => transport.sendReadyMessage());
  connected.catch(() => undefined);
  return { transport, connected, heard, happened, notices, ...(hardware as ReturnType<typeof devices>) };
}

/** What the server says of the session when it is asked. */
const server = { state: "suspended" as string | null };

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", class {});
  vi.stubGlobal("WebSocket", class {});
  const browser = new EventTarget();
  vi.stubGlobal("addEventListener", browser.addEventListener.bind(browser));
  vi.stubGlobal("removeEventListener", browser.removeEventListener.bind(browser));
  vi.stubGlobal("dispatchEvent", browser.dispatchEvent.bind(browser));
  vi.stubGlobal("fetch", async () => {
    if (server.state === null) throw new TypeError("Failed to fetch");
    return Response.json({ state: server.state });
  });
  made.length = 0;
  server.state = "suspended";
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A call over the first transport of the plan. */
async function talking(session = SESSION) {
  const call = calling(session);
  await settle();
  await made[0]!.answers();
  await call.connected;
  return call;
}

describe("VoiceAgentTransport", () => {
  it("races under one attempt's id, and delivers nothing of the loser", async () => {
    const call = calling();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    const [rtc, socket] = made;
    rtc!.connected();
    await socket!.answers();
    await call.connected;
    expect(made.map(({ attempt }) => attempt)).toEqual([rtc!.attempt, rtc!.attempt]);
    expect(call.happened).toEqual(["websocket"]);
    expect(call.heard).toEqual(["bot-ready"]);
    expect(rtc!.isDisconnected).toBe(true);
    rtc!.say(message("bot-started-speaking"));
    rtc!.media.bufferBotAudio(new Int16Array([7]));
    expect(call.heard).toEqual(["bot-ready"]);
    expect(call.played).toEqual([]);
    expect(call.captures.running).toBe(1);
    // Its end does not silence the winner.
    expect(call.speaker.detach).not.toHaveBeenCalled();
  });

  it("keeps what the winner is sent before it has won, in order", async () => {
    const call = calling();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    const socket = made[1]!;
    socket.connected();
    await settle();
    socket.media.bufferBotAudio(new Int16Array([1, 2]));
    socket.media.bufferBotAudio(new Int16Array([3]));
    expect(call.played).toEqual([]);
    socket.say(message("bot-ready"));
    await settle();
    expect(call.played).toEqual([1, 2, 3]);
    expect(call.heard).toEqual(["bot-ready"]);
  });

  it("closes what connects after it was given up, and captures nothing for it", async () => {
    const call = await talkingOverSocket();
    const rtc = made[0]!;
    rtc.isDisconnected = false;
    rtc.connected();
    await settle();
    expect(rtc.isDisconnected).toBe(true);
    expect(call.captures.running).toBe(1);
  });

  it("tells nobody of a loser's failure", async () => {
    const call = calling();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    await made[0]!.closes(4410, "another connection of this attempt carries the call");
    await made[1]!.answers();
    await call.connected;
    expect(call.happened).toEqual(["websocket"]);
    expect(call.notices).toEqual([]);
  });

  it("makes a new attempt when the one that the server chose fails", async () => {
    const call = calling();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    const [rtc, socket] = made;
    socket!.connected();
    await settle();
    await socket!.closes(4410, "another connection of this attempt carries the call");
    rtc!.events.failed(new Error("the way was lost"));
    await settle();
    expect(made).toHaveLength(3);
    expect(made[2]!.attempt).not.toBe(rtc!.attempt);
    await made[2]!.answers();
    await call.connected;
    expect(call.happened).toEqual(["webrtc"]);
  });

  it("comes back in a new attempt, what died last, muted as before", async () => {
    const call = await talking();
    call.transport.enableMic(false);
    made[0]!.events.failed(new Error("ICE failed"));
    await settle();
    expect(call.happened).toEqual(["webrtc", "lost"]);
    expect(made[1]).toMatchObject({ type: "websocket" });
    expect(made[1]!.attempt).not.toBe(made[0]!.attempt);
    // Not a word to the lost one before the call is elsewhere: it might end the session.
    expect(made[0]!.isDisconnected).toBe(false);
    await made[1]!.answers();
    expect(call.happened).toEqual(["webrtc", "lost", "websocket"]);
    expect(made[1]!.microphone).toBe(false);
    expect(made[0]!.isDisconnected).toBe(true);
    expect(call.heard).toEqual(["bot-ready", "bot-ready"]);
  });

  it("keeps trying while the server does not answer", async () => {
    const call = await talking();
    server.state = null;
    made[0]!.events.failed(new Error("ICE failed"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(made).toHaveLength(1);
    server.state = "suspended";
    await vi.advanceTimersByTimeAsync(3_000);
    await made[1]!.answers();
    expect(call.happened).toEqual(["webrtc", "lost", "websocket"]);
  });

  it("brings in a microphone that was opened while the connection was made", async () => {
    const hardware = devices();
    const { microphone } = hardware;
    const { transport, connected } = calling(SESSION, Object.assign(hardware, { microphone: null }));
    await settle();
    Object.assign(hardware, { microphone });
    await transport.addMicrophone(microphone as unknown as Microphone);
    await made[0]!.answers();
    await connected;
    await settle();
    expect(microphone.connect).toHaveBeenCalled();
    expect(made[0]!.microphone).toBe(true);
  });

  it("ends when the session has ended meanwhile", async () => {
    const call = await talking();
    server.state = "ended";
    made[0]!.events.failed(new Error("ICE failed"));
    await settle();
    expect(call.happened).toEqual(["webrtc", "lost", "over"]);
    expect(made).toHaveLength(1);
  });

  it.each([
    [SESSION, 55, 70],
    [{ ...SESSION, resume_window_s: 300 }, 290, 310],
  ])("tries as long as the session waits", async (session, before, after) => {
    const call = await talking(session);
    server.state = null;
    made[0]!.events.failed(new Error("ICE failed"));
    await vi.advanceTimersByTimeAsync(before * 1_000);
    expect(call.happened.at(-1)).toBe("lost");
    await vi.advanceTimersByTimeAsync((after - before) * 1_000);
    expect(call.happened.at(-1)).toBe("over");
    expect(call.notices[0]?.title).toBe("The connection did not come back");
  });

  it.each([
    [1000, "the session is over"],
    [4409, "a newer connection took the session over"],
    [4411, "the session was idle for too long"],
  ])("does not come back after close code %i", async (code, reason) => {
    const call = await talkingOverSocket();
    await made[1]!.closes(code, reason);
    expect(call.happened).toEqual(["websocket", "over"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(made).toHaveLength(2);
  });

  it("takes the server's fatal error for the end over WebRTC, too", async () => {
    const call = await talking();
    const data = { error: "a newer connection took the session over", fatal: true };
    made[0]!.say(message("error", data));
    await settle();
    expect(call.happened).toEqual(["webrtc", "over"]);
    expect(call.heard).toEqual(["bot-ready"]);
  });

  it("leaves nothing behind when the caller hangs up in mid-race or while it comes back", async () => {
    const racing = calling();
    await vi.advanceTimersByTimeAsync(HEAD_START_MS);
    await racing.transport.disconnect();
    await settle();
    expect(made.map(({ isDisconnected }) => isDisconnected)).toEqual([true, true]);
    made.length = 0;
    const returning = await talking();
    made[0]!.events.failed(new Error("ICE failed"));
    await settle();
    await returning.transport.disconnect();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(made.map(({ isDisconnected }) => isDisconnected)).toEqual([true, true]);
    expect(returning.happened).toEqual(["webrtc", "lost"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves a socket when the network comes back, which may be another one", async () => {
    const call = await talkingOverSocket();
    dispatchEvent(new Event("online"));
    await settle();
    expect(call.happened).toEqual(["websocket", "lost"]);
    await made[2]!.answers();
    expect(call.happened).toEqual(["websocket", "lost", "webrtc"]);
    await call.transport.disconnect();
    dispatchEvent(new Event("online"));
    await settle();
    expect(made).toHaveLength(3);
  });

  it("silences the agent at once when it is interrupted", async () => {
    const call = await talking();
    call.speaker.flush.mockClear();
    made[0]!.say(message("bot-interrupted"));
    expect(call.speaker.flush).toHaveBeenCalledOnce();
  });

  it("says what connect() takes", () => {
    expect(() => calling({} as Session)).toThrow("POST /v1/sessions");
  });
});

async function talkingOverSocket() {
  const call = calling();
  await vi.advanceTimersByTimeAsync(HEAD_START_MS);
  await made[1]!.answers();
  await call.connected;
  return call;
}
