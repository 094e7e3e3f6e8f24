import { PipecatClient, type RTVIMessage } from "@pipecat-ai/client-js";
import { Emitter } from "./emitter";
import { LatencyWatch } from "./latency";
import { Devices } from "./media/devices";
import { SILENT, type Level } from "./media/level";
import { NoMicrophone } from "./media/microphone";
import type { ConnectOptions, VoiceAgentEvents, VoiceAgentOptions } from "./options";
import { SilenceWatch } from "./silence";
import { sessionSource, type SessionSource } from "./source";
import { IDLE, reduce, type CallEvent, type CallState, type Notice } from "./state/state";
import {
  COMING_BACK,
  failureNotice,
  MICROPHONE_GONE,
  NOTHING_HEARD,
  SERVER_SILENT,
} from "./state/words";
import { VoiceAgentTransport } from "./transport/composite";
import { readError } from "./transport/rtviError";
import { capabilities, SessionServer } from "./wire/session";

const HEARTBEAT_MS = 3_000;
/** A cough is a turn to the server too, and nobody answers it. */
const ANSWER_OVERDUE_MS = 8_000;
const LEVELS_EVERY_MS = 50;

/** The call ended in trouble; the message says how. */
export class CallEnded extends Error {
  constructor(readonly notice: Notice) {
    super(notice.text);
    this.name = "CallEnded";
  }
}

/** The official client, and the one message of the protocol that it does not pass on yet. */
class OfficialClient extends PipecatClient {
  onInterrupted: () => void = () => undefined;

  protected override handleMessage(message: RTVIMessage): void {
    if (message.type === "bot-interrupted") this.onInterrupted();
    super.handleMessage(message);
  }
}

/** Does what a call tells only while it is the client's: one that was hung up has no say. */
type OfThisCall = <Told extends unknown[]>(
  act: (...told: Told) => unknown,
) => (...told: Told) => void;

/** What one call holds. */
interface Call {
  hungUp: AbortController;
  devices: Devices;
  transport: VoiceAgentTransport;
  client: OfficialClient;
  latency: LatencyWatch;
  timers: ReturnType<typeof setInterval>[];
  server: SessionServer | null;
  silence: SilenceWatch;
}

/** One caller's calls, one after the other. */
export class VoiceAgentClient {
  private state: CallState = IDLE;
  private readonly events = new Emitter<VoiceAgentEvents>();
  private readonly source: SessionSource;
  private call: Call | null = null;
  private overdue: ReturnType<typeof setTimeout> | undefined;
  /** Typed, and still to be sent. */
  private waitingTexts: string[] = [];
  /** Sent, and not answered yet: sent again should the connection turn out to be dead. */
  private unanswered: { text: string; at: number }[] = [];

  /** Throws when the options cannot be used. */
  constructor(private readonly options: VoiceAgentOptions = {}) {
    this.source = sessionSource(options);
  }

  /** Calls `listener` at each event of that name, until the returned function is called. */
  on<Name extends keyof VoiceAgentEvents>(
    name: Name,
    listener: (payload: VoiceAgentEvents[Name]) => void,
  ): () => void {
    return this.events.on(name, listener);
  }

  /** Calls `listener` whenever `snapshot` returns something else. */
  subscribe = (listener: () => void): (() => void) => this.events.on("change", listener);

  /** The call as it is now; the same object until something changes. */
  snapshot = (): CallState => this.state;

  /** How loud the caller and the agent are now. */
  readonly callerLevel: Level = {
    read: () =>
      this.state.microphone === "on" ? (this.call?.devices.microphone?.level ?? SILENT).read() : 0,
  };
  readonly agentLevel: Level = {
    read: () => (this.call?.devices.speaker.level ?? SILENT).read(),
  };

  /**
   * Calls. Must begin in a click or key press, or the browser keeps the page mute. Resolves when
   * the agent is there, or when the caller hung up first; does nothing while there is a call.
   * Throws what kept it from being made; the notice says the same in words for the caller.
   */
  async connect(options: ConnectOptions = {}): Promise<void> {
    if (this.call) return;
    const chosen = { ...this.options, ...options };
    const microphone = chosen.microphone ?? true;
    this.apply({ type: "started" });
    for (const text of this.waitingTexts) this.apply(typed(text));
    let call: Call | null = null;
    try {
      call = this.call = this.begin();
      const { signal } = call.hungUp;
      if (microphone) {
        const constraints = typeof microphone === "object" ? microphone : {};
        await this.openMicrophone(call, constraints, microphone === "required");
      }
      signal.throwIfAborted();
      const session = await this.source.request({
        ...(chosen.agent && { agent: chosen.agent }),
        ...(chosen.variables && { variables: chosen.variables }),
        ...(chosen.metadata && { metadata: chosen.metadata }),
        transport: chosen.transport ?? "auto",
        client: {
          ...capabilities(),
          microphone: call.devices.microphone !== null,
          kind: "browser",
        },
      });
      const server = new SessionServer(session, this.source.base);
      call.server = server;
      if (signal.aborted) await server.end();
      signal.throwIfAborted();
      await Promise.race([call.client.connect(session as never), aborted(signal)]);
    } catch (error) {
      if (call?.hungUp.signal.aborted) return;
      // Nobody else has a session that this client never got into.
      void call?.server?.end();
      await this.end(failureNotice(error, microphone !== "required"), error);
      throw error;
    }
  }

  /** Ends the call, or gives up on one that is still being connected. */
  async disconnect(): Promise<void> {
    await this.end();
  }

  /** Says something in writing; calls first, without a microphone, when there is no call yet. */
  async sendText(text: string, options: Omit<ConnectOptions, "microphone"> = {}): Promise<void> {
    if (this.state.phase !== "idle") {
      this.apply(typed(text));
      if (this.state.phase === "talking") this.send(text);
      else this.waitingTexts.push(text);
      return;
    }
    this.waitingTexts.push(text);
    await this.connect({ ...options, microphone: false });
  }

  /** Mutes the microphone or opens it again; remembered when the connection changes. */
  setMuted(muted: boolean): void {
    if (!this.call?.devices.microphone) return;
    this.call.transport.enableMic(!muted);
    this.apply({ type: "microphone", microphone: muted ? "muted" : "on" });
  }

  /** Opens the microphone in a call that was begun without. */
  async useMicrophone(constraints: MediaTrackConstraints = {}): Promise<void> {
    const { call } = this;
    if (!call || call.devices.microphone) return;
    await this.openMicrophone(call, constraints);
    const { microphone } = call.devices;
    if (!microphone || this.call !== call) return;
    await call.transport.addMicrophone(microphone);
  }

  /** Shows a notice, or takes away the one that is shown. */
  notice(notice: Notice | null): void {
    this.apply({ type: "noticed", notice });
  }

  private begin(): Call {
    const devices = new Devices();
    const ofThisCall: OfThisCall =
      (act) =>
      (...told) => {
        if (this.call?.transport === transport) act(...told);
      };
    const transport: VoiceAgentTransport = new VoiceAgentTransport(
      devices,
      {
        steps: ofThisCall((steps) => this.apply({ type: "attempted", steps })),
        connected: ofThisCall((over) => this.onConnected(over)),
        lost: ofThisCall(() => this.onLost()),
        over: ofThisCall((notice) => void this.end(notice)),
      },
      this.source.base,
    );
    const client = this.officialClient(transport, ofThisCall);
    const latency = new LatencyWatch(this.callerLevel, this.agentLevel);
    globalThis.addEventListener("pagehide", this.onPageHide);
    const hungUp = new AbortController();
    const silence = new SilenceWatch();
    return { hungUp, devices, transport, client, latency, silence, timers: [], server: null };
  }

  private officialClient(
    transport: VoiceAgentTransport,
    ofThisCall: OfThisCall,
  ): OfficialClient {
    const apply = ofThisCall((event: CallEvent) => this.apply(event));
    const client = new OfficialClient({
      transport,
      enableMic: true,
      enableCam: false,
      disconnectOnBotDisconnect: false,
      callbacks: {
        onUserStartedSpeaking: () => apply({ type: "speaking", who: "user", started: true }),
        onUserStoppedSpeaking: () => apply({ type: "speaking", who: "user", started: false }),
        onBotLlmStarted: ofThisCall(() => (this.unanswered = [])),
        onBotStartedSpeaking: ofThisCall(() => {
          this.unanswered = [];
          this.apply({ type: "speaking", who: "agent", started: true });
        }),
        onBotStoppedSpeaking: () => apply({ type: "speaking", who: "agent", started: false }),
        onUserTranscript: ({ text, final }) =>
          apply({ type: "transcript", event: { type: "heard", text, final } }),
        onBotOutput: ({ text, segment_id, spoken_progress }) =>
          apply({
            type: "transcript",
            event: {
              type: "said",
              // Each connection counts its segments anew.
              segment:
                segment_id === undefined ? undefined : `${transport.lineNumber}-${segment_id}`,
              text,
              ...(spoken_progress && {
                progress: {
                  spoken: spoken_progress.accumulated_text,
                  unspoken: spoken_progress.remaining_text,
                },
              }),
            },
          }),
        onServerMessage: (data: unknown) => {
          const { type, state } = (data ?? {}) as Record<string, unknown>;
          if (type === "recording") {
            apply({ type: "recorded", isRecorded: state === "started" });
          }
        },
        onError: ofThisCall((message) => this.onTrouble(message)),
        onMessageError: ofThisCall((message) => this.onTrouble(message)),
      },
    });
    client.onInterrupted = () => apply({ type: "transcript", event: { type: "interrupted" } });
    return client;
  }

  private async openMicrophone(
    call: Call,
    constraints: MediaTrackConstraints,
    isRequired = false,
  ): Promise<void> {
    try {
      const microphone = await call.devices.openMicrophone(constraints);
      if (this.call !== call) return microphone.close();
      microphone.onEnded = () => this.onMicrophoneEnded(call);
      call.silence = new SilenceWatch();
      this.apply({ type: "microphone", microphone: "on" });
    } catch (error) {
      // The call goes on in writing; the notice says what to do about it.
      if (!(error instanceof NoMicrophone) || isRequired) throw error;
      if (this.call === call) this.notice(failureNotice(error));
    }
  }

  private send(text: string): void {
    this.unanswered.push({ text, at: performance.now() });
    this.call?.latency.typed();
    void this.call?.client
      .sendText(text, { run_immediately: true, audio_response: true })
      .catch(() => undefined);
  }

  private onConnected(over: "webrtc" | "websocket"): void {
    const { call } = this;
    if (!call) return;
    this.apply({ type: "connected", over });
    this.watch(call, over);
    // After the transport has come to rest: its client refuses to send before.
    for (const text of this.waitingTexts.splice(0)) this.send(text);
  }

  private onLost(): void {
    // The connection may die while the server hears of the hang-up.
    if (!this.call) return;
    this.stopTimers();
    // What is older reached the server, which had nothing to say to it.
    const since = performance.now() - ANSWER_OVERDUE_MS;
    const again = this.unanswered.filter(({ at }) => at > since).map(({ text }) => text);
    this.waitingTexts = [...again, ...this.waitingTexts];
    this.unanswered = [];
    this.apply({ type: "lost", notice: COMING_BACK });
  }

  private onTrouble(message: RTVIMessage): void {
    const { words } = readError(message);
    if (words) this.notice({ tone: "trouble", title: "The server reports a problem", text: words });
  }

  /** Notices what nobody says: a dead server, a dead microphone; and measures. */
  private watch(call: Call, over: "webrtc" | "websocket"): void {
    if (over === "webrtc") {
      call.timers.push(setInterval(() => void this.feelPulse(call), HEARTBEAT_MS));
    }
    call.timers.push(setInterval(() => this.measure(call), LEVELS_EVERY_MS));
    call.silence.restart();
  }

  private onMicrophoneEnded(call: Call): void {
    if (this.call !== call) return;
    call.devices.dropMicrophone();
    this.apply({ type: "microphone", microphone: "off" });
    this.notice(MICROPHONE_GONE);
  }

  private measure(call: Call): void {
    if (this.events.has("level")) {
      this.events.emit("level", {
        caller: this.callerLevel.read(),
        agent: this.agentLevel.read(),
      });
    }
    const isOn = this.state.microphone === "on";
    const found = call.silence.look(isOn ? this.callerLevel.read() : null, !this.state.notice);
    if (found === "silent") this.notice(NOTHING_HEARD);
    if (found === "heard" && this.state.notice === NOTHING_HEARD) this.notice(null);
    const milliseconds = call.latency.look();
    if (milliseconds !== null) this.events.emit("latency", { milliseconds });
  }

  private async feelPulse(call: Call): Promise<void> {
    const alive = await call.server?.alive();
    if (call !== this.call || this.state.phase !== "talking") return;
    if (!alive) this.notice(SERVER_SILENT);
    else if (this.state.notice === SERVER_SILENT) this.notice(null);
  }

  private async end(notice?: Notice, error?: unknown): Promise<void> {
    const { call } = this;
    if (!call) {
      if (notice) this.apply({ type: "ended", notice });
      return;
    }
    this.stopTimers();
    this.call = null;
    this.waitingTexts = [];
    this.unanswered = [];
    globalThis.removeEventListener("pagehide", this.onPageHide);
    call.hungUp.abort(new DOMException("The caller hung up.", "AbortError"));
    call.devices.speaker.flush();
    call.devices.microphone?.close();
    this.apply(notice ? { type: "ended", notice } : { type: "ended" });
    if (notice?.tone === "trouble") {
      this.events.emit("error", error instanceof Error ? error : new CallEnded(notice));
    }
    // The server hears of a hang-up before the line is cut: a cut alone may be an accident.
    if (!notice) await call.server?.end();
    await call.client.disconnect().catch(() => undefined);
    await call.devices.close();
  }

  private stopTimers(): void {
    for (const timer of this.call?.timers.splice(0) ?? []) clearInterval(timer);
  }

  private readonly onPageHide = (): void => void this.end();

  private apply(event: CallEvent): void {
    const last = this.state;
    const next = reduce(last, event);
    if (next === last) return;
    if (next.turn !== last.turn) {
      clearTimeout(this.overdue);
      if (next.turn === "thinking") {
        this.overdue = setTimeout(() => this.apply({ type: "answer overdue" }), ANSWER_OVERDUE_MS);
      }
    }
    this.state = next;
    this.events.emit("change", next);
    if (next.phase !== last.phase) this.events.emit("state", next.phase);
    if (next.turn !== last.turn) this.events.emit("turn", next.turn);
    if (next.connectedOver !== last.connectedOver || next.steps !== last.steps) {
      this.events.emit("transport", { over: next.connectedOver, steps: next.steps });
    }
    if (next.transcript !== last.transcript) this.events.emit("transcript", next.transcript);
    if (next.notice !== last.notice) this.events.emit("notice", next.notice);
  }
}

function typed(text: string): CallEvent {
  return { type: "transcript", event: { type: "typed", text } };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}
