import type { RTVIMessage, Transport } from "@pipecat-ai/client-js";
import { CallMedia } from "../media/callMedia";
import type { Devices } from "../media/devices";
import type { Microphone } from "../media/microphone";
import { AGENT_LEFT, closedNotice, LOST, mayComeBack } from "../state/words";
import type { Notice } from "../state/state";
import type { SessionServer, TransportOffer, TransportType } from "../wire/session";
import { wire, type Wiring } from "./official";
import { readError } from "./rtviError";

/** How a connection ended. */
export interface Farewell {
  notice: Notice;
  /** The session waits for another connection. */
  mayReturn: boolean;
  /** Another connection of the same attempt was faster, says the server. */
  lostRace: boolean;
}

/** A connection ended before it carried the call. */
export class LineEnded extends Error {
  constructor(readonly farewell: Farewell) {
    super(farewell.notice.text);
    this.name = "LineEnded";
  }
}

export interface LineEvents {
  message(message: RTVIMessage): void;
  /** A line that carried the call is over. */
  ended(line: Line, farewell: Farewell): void;
}

export interface Dialling {
  offer: TransportOffer;
  /** Connections of one attempt race. */
  attempt: string;
  server: SessionServer;
  devices: Devices;
  events: LineEvents;
  signal: AbortSignal;
}

/** ICE needs a few seconds to find a way through or to be sure that there is none. */
const CONNECT_WITHIN_MS = 8_000;
/** Building the agent's side may have to wait for engines that are still warming up. */
const READY_WITHIN_MS = 20_000;
/**
 * The server sends a packet each 400 ms even while the agent is silent. After so many looks
 * without a new one it is taken for gone; ICE itself takes half a minute to notice.
 */
const LOOK_MS = 250;
const LOOKS_IN_VAIN = 8;
/** Two seconds of the caller's voice that the socket has not got rid of. */
const STUCK_BYTES = 64_000;
let lines = 0;

/**
 * One connection on one official transport. It carries the call when the server answers on it,
 * and delivers nothing, neither sound nor words, before it is opened: the loser of a race never
 * is.
 */
export class Line {
  readonly type: TransportType;
  readonly number = ++lines;
  private readonly transport: Transport;
  private readonly wiring: Wiring;
  private readonly media: CallMedia;
  private readonly events: LineEvents;
  private held: (() => void)[] | null = [];
  private farewell: Farewell | null = null;
  private looking: ReturnType<typeof setInterval> | undefined;
  private lastCount: number | null = null;
  private looksInVain = 0;
  private isClosed = false;
  private hasCarried = false;
  private onCarrying: () => void = () => undefined;
  private failConnecting: (error: unknown) => void = () => undefined;

  private constructor({ offer, attempt, server, devices, events }: Dialling) {
    this.type = offer.type;
    this.events = events;
    const { speaker } = devices;
    this.media = new CallMedia(devices.context, devices.microphone, {
      play: (pcm) => this.take(() => speaker.play(pcm)),
      flush: () => this.held ?? speaker.flush(),
      detach: () => this.held ?? speaker.detach(),
    });
    this.wiring = wire(offer, attempt, server, this.media, {
      closed: (code, reason) => this.part(closedNotice(code, reason), mayComeBack(code, reason), code === 4410),
      failed: (error) => this.over({ ...LOST, text: error.message }),
    });
    this.transport = this.wiring.transport;
    this.transport.initialize(
      {
        transport: this.transport,
        enableMic: this.media.isMicEnabled,
        enableCam: false,
        callbacks: {
          onTrackStarted: (track, participant) => {
            if (track.kind !== "audio" || participant?.local) return;
            this.deliver(() => speaker.attach(track));
          },
          onBotDisconnected: () => {
            this.part(AGENT_LEFT, false);
            this.over(LOST);
          },
          onError: () => this.over(LOST),
          onDisconnected: () => this.over(LOST),
        },
      },
      (message) => this.onMessage(message),
    );
  }

  /** Connects over one offer. Throws when that does not lead to an agent that answers. */
  static async dial(dialling: Dialling): Promise<Line> {
    const line = new Line(dialling);
    try {
      await line.connect(dialling.signal);
      return line;
    } catch (error) {
      await line.close();
      throw error;
    }
  }

  /** It has the call: delivers what has come so far, and what comes from now on. */
  open(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const deliver of held) deliver();
    this.looking = setInterval(() => void this.look(), LOOK_MS);
  }

  send(message: RTVIMessage): void {
    this.transport.sendMessage(message);
  }

  setMicrophone(enabled: boolean): void {
    this.transport.enableMic(enabled);
  }

  /** False if only a new connection can carry that microphone. */
  async addMicrophone(microphone: Microphone): Promise<boolean> {
    if (this.media.has(microphone)) return true;
    const isCarried = await this.media.useMicrophone(microphone);
    this.setMicrophone(!microphone.isMuted);
    return isCarried;
  }

  /** Whether anything was received over WebRTC within a second; a socket cannot tell. */
  async isAlive(): Promise<boolean> {
    const before = await this.wiring.packets();
    if (before === null) return false;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return (await this.wiring.packets()) !== before;
  }

  tracks() {
    return this.media.tracks();
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    try {
      await this.letGo();
    } finally {
      await this.sayGoodbye();
    }
  }

  /**
   * Leaves a connection that was lost, without a word: a server that only stood still would take
   * a goodbye for the caller's, and end the session.
   */
  async letGo(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.looking);
    await this.media.disconnect();
  }

  /** Frees what a connection held that was let go of, when nothing depends on it any more. */
  async sayGoodbye(): Promise<void> {
    await this.transport.disconnect().catch(() => undefined);
  }

  private async connect(signal: AbortSignal): Promise<void> {
    const failed = new Promise<never>((_, reject) => (this.failConnecting = reject));
    const carrying = new Promise<void>((resolve) => (this.onCarrying = resolve));
    const onAbort = () => this.failConnecting(signal.reason);
    signal.addEventListener("abort", onAbort);
    let deadline = this.deadline(CONNECT_WITHIN_MS, "no connection within 8 seconds");
    try {
      signal.throwIfAborted();
      this.establish().then(() => {
        if (this.isClosed) return;
        clearTimeout(deadline);
        // The agent does not wait for this: it may have begun to speak already.
        if (!this.hasCarried) {
          deadline = this.deadline(READY_WITHIN_MS, "the agent was not ready within 20 seconds");
        }
        this.transport.sendReadyMessage();
      }, this.failConnecting);
      await Promise.race([carrying, failed]);
      this.hasCarried = true;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener("abort", onAbort);
    }
  }

  private async establish(): Promise<void> {
    try {
      await this.transport.initDevices();
      await this.transport.connect(this.wiring.params as never);
    } finally {
      // It connected although it was closed meanwhile: what it opened since is nobody's.
      if (this.isClosed) {
        await this.media.disconnect();
        await this.sayGoodbye();
      }
    }
  }

  private onMessage(message: RTVIMessage): void {
    if (message.type !== "error") return this.take(() => this.events.message(message));
    const { words, isFatal } = readError(message);
    if (!isFatal) return this.deliver(() => this.events.message(message));
    this.part(closedNotice(0, words), mayComeBack(0, words), /of this attempt/.test(words));
    this.over(LOST);
  }

  /** Takes what only the connection that has the call is sent. */
  private take(deliver: () => void): void {
    this.deliver(deliver);
    this.onCarrying();
  }

  private deliver(deliver: () => void): void {
    if (this.isClosed) return;
    if (this.held) this.held.push(deliver);
    else deliver();
  }

  /** Remembers how the other side ended it; the first to say so is right. */
  private part(notice: Notice, mayReturn: boolean, lostRace = false): void {
    this.farewell ??= { notice, mayReturn, lostRace };
  }

  private over(otherwise: Notice): void {
    if (this.isClosed) return;
    this.part(otherwise, true);
    const farewell = this.farewell!;
    clearInterval(this.looking);
    if (this.hasCarried) this.events.ended(this, farewell);
    else this.failConnecting(new LineEnded(farewell));
  }

  private async look(): Promise<void> {
    const count = await this.wiring.packets();
    const isStuck = count === null ? this.wiring.backlog() > STUCK_BYTES : count === this.lastCount;
    this.looksInVain = isStuck ? this.looksInVain + 1 : 0;
    this.lastCount = count;
    if (this.looksInVain >= LOOKS_IN_VAIN) this.over(LOST);
  }

  private deadline(after: number, message: string): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.failConnecting(new Error(message)), after);
  }
}
