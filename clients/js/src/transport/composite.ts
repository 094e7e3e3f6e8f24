import {
  Transport,
  type PipecatClientOptions,
  type RTVIMessage,
  type Tracks,
  type TransportState,
} from "@pipecat-ai/client-js";
import type { Devices } from "../media/devices";
import type { Microphone } from "../media/microphone";
import type { Notice } from "../state/state";
import { ENDED_MEANWHILE, LOST, STAYED_AWAY } from "../state/words";
import {
  capabilities,
  SessionServer,
  type Session,
  type TransportOffer,
  type TransportType,
} from "../wire/session";
import { LineEnded, Line, type Farewell, type LineEvents } from "./line";
import { race, type Step } from "./race";

export interface TransportEvents {
  /** How the steps of the current attempt fare. */
  steps(steps: readonly Step[]): void;
  /** A connection carries the call: the first, or the next after a loss. */
  connected(type: TransportType): void;
  /** The connection was lost; others are being tried. */
  lost(): void;
  /** The call is over, and not by this side. */
  over(notice: Notice): void;
}

/** As long as a server keeps a session for its client, unless it is set, and says, otherwise. */
const RESUME_WINDOW_S = 60;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;
/**
 * An agent that was cut off says so at once. One that does not was silent anyway, or speaks
 * something that must not be cut off, which has to be heard.
 */
const STOPS_WITHIN_MS = 300;

/**
 * One transport for a `PipecatClient`, over both official ones: races what the server offers for
 * the session that `connect` is given, and comes back over what remains when a connection dies.
 */
export class VoiceAgentTransport extends Transport {
  private line: Line | null = null;
  private server: SessionServer | null = null;
  /** What a connection was lost over last is tried last. */
  private died: TransportType | null = null;
  private stopOverdue: ReturnType<typeof setTimeout> | undefined;
  private isOver = false;

  constructor(
    private readonly devices: Devices,
    private readonly events: TransportEvents,
    private readonly base?: URL,
  ) {
    super();
  }

  /** Tells connections apart: each counts its segments of speech anew. */
  get lineNumber(): number {
    return this.line?.number ?? 0;
  }

  get type(): TransportType | null {
    return this.line?.type ?? null;
  }

  override initialize(
    options: PipecatClientOptions,
    messageHandler: (message: RTVIMessage) => void,
  ): void {
    this._options = options;
    this._callbacks = options.callbacks ?? {};
    this._onMessage = messageHandler;
  }

  override async initDevices(): Promise<void> {
    this.state = "initialized";
  }

  override _validateConnectionParams(session: unknown): Session {
    const { session_id, token, transports } = (session ?? {}) as Partial<Session>;
    if (typeof session_id === "string" && typeof token === "string" && Array.isArray(transports)) {
      return session as Session;
    }
    throw new Error("connect() takes what POST /v1/sessions answers: session_id, token, transports");
  }

  override async _connect(session?: unknown): Promise<void> {
    const signal = this._abortController!.signal;
    this.server = new SessionServer(session as Session, this.base);
    this.state = "connecting";
    try {
      this.become(await this.attempt(this.server, signal, true));
    } catch (error) {
      this.state = "disconnected";
      throw error;
    }
    this._callbacks.onConnected?.();
    globalThis.addEventListener?.("online", this.onOnline);
  }

  override async _disconnect(): Promise<void> {
    const { line } = this;
    this.isOver = true;
    this.line = null;
    clearTimeout(this.stopOverdue);
    globalThis.removeEventListener?.("online", this.onOnline);
    this.state = "disconnecting";
    this.devices.speaker.flush();
    await line?.close();
    this.state = "disconnected";
    this._callbacks.onDisconnected?.();
  }

  /** Each connection told the server itself; what it has answered may come in now. */
  override sendReadyMessage(): void {
    const { line } = this;
    if (!line) return;
    this.state = "ready";
    if (!this.isMicEnabled && this.devices.microphone) line.setMicrophone(false);
    this.events.connected(line.type);
    line.open();
    // One that was opened while this line was being made, without it.
    const { microphone } = this.devices;
    if (microphone) void this.addMicrophone(microphone);
  }

  override sendMessage(message: RTVIMessage): void {
    this.line?.send(message);
  }

  /** Brings a microphone into a call that was begun without, or whose microphone has gone. */
  async addMicrophone(microphone: Microphone): Promise<void> {
    const { line } = this;
    if (!line || (await line.addMicrophone(microphone))) return;
    await this.onEnded(line, { notice: LOST, mayReturn: true, lostRace: false });
  }

  override get state(): TransportState {
    return this._state;
  }

  override set state(state: TransportState) {
    if (this._state === state) return;
    this._state = state;
    this._callbacks.onTransportStateChanged?.(state);
  }

  override tracks(): Tracks {
    return this.line?.tracks() ?? { local: {} };
  }

  override enableMic(enable: boolean): void {
    this.devices.microphone?.setMuted(!enable);
    this.line?.setMicrophone(enable);
  }

  override get isMicEnabled(): boolean {
    return this.devices.microphone !== null && !this.devices.microphone.isMuted;
  }

  private become(line: Line): void {
    this.line = line;
    this.state = "connected";
  }

  /** One attempt: the race of what is offered. */
  private async attempt(server: SessionServer, signal: AbortSignal, isFirst = false): Promise<Line> {
    const attempt = newAttempt();
    let lostRace = false;
    try {
      return await race({
        offers: this.inOrder(server.session.transports),
        able: capabilities(),
        dial: async (offer, givenUp) => {
          try {
            const { devices, lineEvents: events } = this;
            return await Line.dial({ offer, attempt, server, devices, events, signal: givenUp });
          } catch (error) {
            lostRace ||= error instanceof LineEnded && error.farewell.lostRace;
            throw error;
          }
        },
        close: (line) => void line.close(),
        onProgress: (steps) => this.events.steps(steps),
        signal,
      });
    } catch (error) {
      // The server chose one connection, and just that one failed: a newer attempt displaces it.
      if (isFirst && lostRace && !signal.aborted) return this.attempt(server, signal);
      throw error;
    }
  }

  private inOrder(offers: readonly TransportOffer[]): TransportOffer[] {
    const isLast = (offer: TransportOffer) => Number(offer.type === this.died);
    return offers.toSorted((one, other) => isLast(one) - isLast(other));
  }

  private readonly lineEvents: LineEvents = {
    message: (message) => this.onMessage(message),
    ended: (line, farewell) => void this.onEnded(line, farewell),
  };

  private onMessage(message: RTVIMessage): void {
    const { speaker } = this.devices;
    if (message.type === "bot-interrupted") {
      speaker.flush();
      clearTimeout(this.stopOverdue);
      this.stopOverdue = setTimeout(() => speaker.listen(), STOPS_WITHIN_MS);
    } else if (message.type === "bot-started-speaking") {
      speaker.listen();
    } else if (message.type === "bot-stopped-speaking") {
      clearTimeout(this.stopOverdue);
    }
    this._onMessage(message);
  }

  private async onEnded(line: Line, { notice, mayReturn }: Farewell): Promise<void> {
    if (line !== this.line) return;
    clearTimeout(this.stopOverdue);
    this.devices.speaker.flush();
    if (!mayReturn) return this.events.over(notice);
    this.line = null;
    this.died = line.type;
    this.state = "connecting";
    this.events.lost();
    await line.letGo();
    try {
      await this.comeBack();
    } finally {
      void line.sayGoodbye();
    }
  }

  /** Gets back to the session over another connection; the microphone stays open meanwhile. */
  private async comeBack(): Promise<void> {
    const server = this.server!;
    const { signal } = this._abortController!;
    const deadline = performance.now() + 1_000 * (server.session.resume_window_s ?? RESUME_WINDOW_S);
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 1.7, LONGEST_PAUSE_MS)) {
      const waits = await server.waits();
      if (signal.aborted) return;
      if (waits === false) return this.events.over(ENDED_MEANWHILE);
      const line = waits && (await this.attempt(server, signal).catch(() => null));
      if (line) {
        if (signal.aborted) return line.close();
        this.become(line);
        return this.sendReadyMessage();
      }
      if (performance.now() > deadline) return this.events.over(STAYED_AWAY);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** The network is another one, perhaps: a socket of the old one would be silent for minutes. */
  private readonly onOnline = async (): Promise<void> => {
    const { line } = this;
    if (!line || this.isOver || (await line.isAlive())) return;
    await this.onEnded(line, { notice: LOST, mayReturn: true, lostRace: false });
  };

  // The page chooses its devices before the call; there is no camera and no screen to share.
  override async getAllMics(): Promise<MediaDeviceInfo[]> {
    return [];
  }
  override async getAllCams(): Promise<MediaDeviceInfo[]> {
    return [];
  }
  override async getAllSpeakers(): Promise<MediaDeviceInfo[]> {
    return [];
  }
  override updateMic(): void {}
  override updateCam(): void {}
  override updateSpeaker(): void {}
  override enableCam(): void {}
  override enableScreenShare(): void {}
  override get selectedMic(): Record<string, never> {
    return {};
  }
  override get selectedCam(): Record<string, never> {
    return {};
  }
  override get selectedSpeaker(): Record<string, never> {
    return {};
  }
  override get isCamEnabled(): boolean {
    return false;
  }
  override get isSharingScreen(): boolean {
    return false;
  }
}

/** Random, also where a page is not secure and `crypto.randomUUID` does not exist. */
function newAttempt(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
