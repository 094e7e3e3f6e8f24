import { CallMedia } from "../media/callMedia";
import { SILENT, type Level } from "../media/level";
import { Microphone, NoMicrophone } from "../media/microphone";
import { Speaker } from "../media/speaker";
import type { Server, Session, TransportChoice } from "../wire/sessions";
import { capabilities, connectInOrder } from "./connect";
import { Line, type LineEvents } from "./line";
import { IDLE, reduce, type CallEvent, type CallState, type Notice } from "./state";
import {
  COMING_BACK,
  ENDED_MEANWHILE,
  failureNotice,
  NOTHING_HEARD,
  SERVER_SILENT,
  STAYED_AWAY,
} from "./words";

export interface CallOptions {
  agent: string | undefined;
  transport: TransportChoice;
  /** False to type only: the browser is not asked for the microphone. */
  microphone: boolean;
}

const HEARTBEAT_MS = 3_000;
/** A cough is a turn to the server too, and nobody answers it. */
const ANSWER_OVERDUE_MS = 8_000;
const NOTHING_HEARD_AFTER_MS = 8_000;
const FAINTEST_LEVEL = 0.02;
/** As long as a server keeps a session for its client, unless told otherwise. */
const COME_BACK_WITHIN_MS = 60_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;

/**
 * One caller's calls, one after the other: opens devices and a session, connects a line, and
 * turns all that happens into `CallState`.
 */
export class Call {
  private state: CallState = IDLE;
  private readonly listeners = new Set<() => void>();
  private hangUpSignal: AbortController | null = null;
  private session: Session | null = null;
  private line: Line | null = null;
  private microphone: Microphone | null = null;
  private speaker: Speaker | null = null;
  private context: AudioContext | null = null;
  private timers: number[] = [];
  private overdue: number | undefined;
  private waitingTexts: string[] = [];

  constructor(private readonly server: Server) {}

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): CallState => this.state;

  /** How loud the caller and the agent are now. */
  readonly callerLevel: Level = {
    read: () => (this.state.microphone === "on" ? (this.microphone?.level ?? SILENT).read() : 0),
  };
  readonly agentLevel: Level = { read: () => (this.speaker?.level ?? SILENT).read() };

  /** Calls. Must begin in a click or key press, or the browser keeps the page mute. */
  async start(options: CallOptions): Promise<void> {
    if (this.state.phase !== "idle") return;
    const hangUp = new AbortController();
    this.hangUpSignal = hangUp;
    this.apply({ type: "started" });
    for (const text of this.waitingTexts) {
      this.apply({ type: "transcript", event: { type: "typed", text } });
    }
    try {
      this.speaker = new Speaker();
      this.context = new AudioContext({ latencyHint: "interactive" });
      void this.speaker.unlock();
      void this.context.resume();
      if (options.microphone) await this.openMicrophone(this.context);
      hangUp.signal.throwIfAborted();
      this.session = await this.server.createSession(
        options.agent,
        options.transport,
        capabilities(),
      );
      hangUp.signal.throwIfAborted();
      this.line = await this.connect(this.session, hangUp.signal);
      this.apply({ type: "connected", over: this.line.type });
      this.watch(this.line);
      for (const text of this.waitingTexts.splice(0)) this.line.send(text);
    } catch (error) {
      if (!hangUp.signal.aborted) await this.end(failureNotice(error));
    }
  }

  /** Ends the call, or gives up on one that is still being connected. */
  async hangUp(): Promise<void> {
    if (this.state.phase === "idle") return;
    await this.end();
  }

  /** Says something in writing; calls first when there is no call yet. */
  async type(text: string, options: Omit<CallOptions, "microphone">): Promise<void> {
    if (this.state.phase === "talking" && this.line) {
      this.apply({ type: "transcript", event: { type: "typed", text } });
      this.line.send(text);
      return;
    }
    this.waitingTexts.push(text);
    if (this.state.phase === "connecting" || this.state.phase === "returning") {
      this.apply({ type: "transcript", event: { type: "typed", text } });
      return;
    }
    await this.start({ ...options, microphone: false });
  }

  setMuted(muted: boolean): void {
    if (!this.microphone) return;
    this.microphone.setMuted(muted);
    this.line?.setMicrophone(!muted);
    this.apply({ type: "microphone", microphone: muted ? "muted" : "on" });
  }

  /** Opens the microphone in a call that was begun without. */
  async useMicrophone(): Promise<void> {
    if (!this.context || this.microphone) return;
    await this.openMicrophone(this.context);
    if (this.microphone && this.line) await this.line.addMicrophone(this.microphone);
  }

  notice(notice: Notice | null): void {
    this.apply({ type: "noticed", notice });
  }

  private async openMicrophone(context: AudioContext): Promise<void> {
    try {
      this.microphone = await Microphone.open(context);
      this.apply({ type: "microphone", microphone: "on" });
    } catch (error) {
      // The call goes on in writing; the notice says what to do about it.
      if (!(error instanceof NoMicrophone)) throw error;
      this.apply({ type: "noticed", notice: failureNotice(error) });
    }
  }

  private connect(session: Session, signal: AbortSignal): Promise<Line> {
    const speaker = this.speaker;
    const context = this.context;
    if (!speaker || !context) throw new Error("The call has no audio.");
    return connectInOrder(
      session.transports,
      capabilities(),
      (offer) =>
        Line.dial({
          offer,
          session,
          server: this.server,
          media: new CallMedia(context, this.microphone, speaker),
          speaker,
          events: this.lineEvents(),
          signal,
        }),
      (attempts) => this.apply({ type: "attempted", attempts }),
      signal,
    );
  }

  private lineEvents(): LineEvents {
    return {
      speaking: (who, started) => this.apply({ type: "speaking", who, started }),
      transcript: (event) => this.apply({ type: "transcript", event }),
      trouble: (notice) => this.apply({ type: "noticed", notice }),
      recorded: (isRecorded) => this.apply({ type: "recorded", isRecorded }),
      ended: (line, notice, mayReturn) => {
        if (line === this.line) void (mayReturn ? this.comeBack(line) : this.end(notice));
      },
    };
  }

  /** Gets back to the session over another line; the microphone stays open meanwhile. */
  private async comeBack(lost: Line): Promise<void> {
    const { session, hangUpSignal } = this;
    if (!session || !hangUpSignal) return;
    const { signal } = hangUpSignal;
    this.line = null;
    for (const timer of this.timers.splice(0)) window.clearInterval(timer);
    this.apply({ type: "lost", notice: COMING_BACK });
    await lost.letGo();
    try {
      await this.findBack(session, signal);
    } finally {
      void lost.sayGoodbye();
    }
  }

  private async findBack(session: Session, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + COME_BACK_WITHIN_MS;
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 1.7, LONGEST_PAUSE_MS)) {
      const waits = await this.server.waits(session);
      if (signal.aborted) return;
      if (waits === false) return this.end(ENDED_MEANWHILE);
      if (waits && (await this.reconnect(session, signal))) return;
      if (performance.now() > deadline) return this.end(STAYED_AWAY);
      await new Promise((resolve) => window.setTimeout(resolve, pause));
    }
  }

  private async reconnect(session: Session, signal: AbortSignal): Promise<boolean> {
    let line: Line;
    try {
      line = await this.connect(session, signal);
    } catch {
      return signal.aborted;
    }
    if (signal.aborted) {
      await line.close();
      return true;
    }
    this.line = line;
    this.apply({ type: "connected", over: line.type });
    this.watch(line);
    if (this.state.microphone === "muted") line.setMicrophone(false);
    for (const text of this.waitingTexts.splice(0)) line.send(text);
    return true;
  }

  /** Notices what the transports notice late or never: a dead server, a dead microphone. */
  private watch(line: Line): void {
    if (line.type === "webrtc") {
      this.timers.push(window.setInterval(() => void this.feelPulse(line), HEARTBEAT_MS));
    }
    const microphone = this.microphone;
    if (!microphone) return;
    const begun = performance.now();
    const listening = window.setInterval(() => {
      if (microphone.level.read() > FAINTEST_LEVEL) {
        window.clearInterval(listening);
        if (this.state.notice === NOTHING_HEARD) this.apply({ type: "noticed", notice: null });
      } else if (performance.now() - begun > NOTHING_HEARD_AFTER_MS && !this.state.notice) {
        this.apply({ type: "noticed", notice: NOTHING_HEARD });
      }
    }, 100);
    this.timers.push(listening);
  }

  private async feelPulse(line: Line): Promise<void> {
    const alive = await this.server.alive();
    if (line !== this.line) return;
    if (!alive) this.apply({ type: "noticed", notice: SERVER_SILENT });
    else if (this.state.notice === SERVER_SILENT) this.apply({ type: "noticed", notice: null });
  }

  private async end(notice?: Notice): Promise<void> {
    const { line, session, microphone, speaker, context } = this;
    this.line = this.session = this.microphone = this.speaker = this.context = null;
    this.hangUpSignal?.abort(new DOMException("The caller hung up.", "AbortError"));
    this.hangUpSignal = null;
    this.waitingTexts = [];
    for (const timer of this.timers.splice(0)) window.clearInterval(timer);
    this.apply(notice ? { type: "ended", notice } : { type: "ended" });
    speaker?.flush();
    microphone?.close();
    // The server hears of a hang-up before the line is cut: a cut alone may be an accident.
    if (session && !notice) await this.server.endSession(session);
    await line?.close();
    await speaker?.close();
    await context?.close();
  }

  private apply(event: CallEvent): void {
    const next = reduce(this.state, event);
    if (next === this.state) return;
    if (next.turn !== this.state.turn) {
      window.clearTimeout(this.overdue);
      if (next.turn === "thinking") {
        this.overdue = window.setTimeout(
          () => this.apply({ type: "answer overdue" }),
          ANSWER_OVERDUE_MS,
        );
      }
    }
    this.state = next;
    for (const listener of this.listeners) listener();
  }
}
