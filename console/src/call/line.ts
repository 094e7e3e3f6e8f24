import { type RTVIMessage } from "@pipecat-ai/client-js";
import type { CallMedia } from "../media/callMedia";
import type { Microphone } from "../media/microphone";
import type { Speaker } from "../media/speaker";
import type { Server, Session, TransportOffer, TransportType } from "../wire/sessions";
import { ConsoleClient, wire } from "./client";
import type { Notice } from "./state";
import type { TranscriptEvent } from "./transcript";
import { AGENT_LEFT, closedNotice, lost, mayComeBack } from "./words";

export interface LineEvents {
  speaking(who: "user" | "agent", started: boolean): void;
  transcript(event: TranscriptEvent): void;
  trouble(notice: Notice): void;
  recorded(isRecorded: boolean): void;
  /** The connection is over; with `mayReturn` the session waits for another one. */
  ended(line: Line, notice: Notice, mayReturn: boolean): void;
}

export interface Dialling {
  offer: TransportOffer;
  session: Session;
  server: Server;
  media: CallMedia;
  speaker: Speaker;
  events: LineEvents;
  signal: AbortSignal;
}

/** ICE needs a few seconds to find a way through or to be sure that there is none. */
const CONNECT_WITHIN_MS = 8_000;
/** Building the agent's side may have to wait for engines that are still warming up. */
const READY_WITHIN_MS = 20_000;
/**
 * An agent that was cut off says so at once. One that does not was silent anyway, or speaks
 * something that must not be cut off, which has to be heard.
 */
const STOPS_WITHIN_MS = 300;

/**
 * The server sends a packet each 400 ms even while the agent is silent. After so many looks
 * without a new one it is taken for gone; ICE itself takes half a minute to notice.
 */
const LOOK_FOR_PACKETS_MS = 1_000;
const LOOKS_WITHOUT_PACKETS = 3;
let lines = 0;

/** One connection of a call: the official client on one official transport. */
export class Line {
  readonly type: TransportType;
  private readonly client: ConsoleClient;
  private readonly params: unknown;
  private readonly media: CallMedia;
  private readonly speaker: Speaker;
  private readonly events: LineEvents;
  private readonly number = ++lines;
  private readonly packets: () => Promise<number | null>;
  private farewell: Notice | null = null;
  private mayReturn = true;
  private looking: number | undefined;
  private stopOverdue: number | undefined;
  private isReady = false;
  private isClosed = false;
  private failConnecting: (error: Error) => void = () => undefined;

  private constructor({ offer, session, server, media, speaker, events }: Dialling) {
    this.type = offer.type;
    this.media = media;
    this.speaker = speaker;
    this.events = events;
    const { transport, params, packets } = wire(offer, session, server, media, (code, reason) => {
      this.farewell = closedNotice(code, reason);
      this.mayReturn = mayComeBack(code, reason);
    });
    this.params = params;
    this.packets = packets;
    this.client = new ConsoleClient({
      transport,
      enableMic: media.isMicEnabled,
      enableCam: false,
      callbacks: {
        onUserStartedSpeaking: () => events.speaking("user", true),
        onUserStoppedSpeaking: () => events.speaking("user", false),
        onBotStartedSpeaking: () => {
          speaker.listen();
          events.speaking("agent", true);
        },
        onBotStoppedSpeaking: () => {
          window.clearTimeout(this.stopOverdue);
          events.speaking("agent", false);
        },
        onUserTranscript: ({ text, final }) => events.transcript({ type: "heard", text, final }),
        onBotOutput: ({ text, segment_id, spoken_progress }) =>
          events.transcript({
            type: "said",
            // Each connection counts its segments anew.
            segment: segment_id === undefined ? undefined : `${this.number}-${segment_id}`,
            text,
            ...(spoken_progress && {
              progress: {
                spoken: spoken_progress.accumulated_text,
                unspoken: spoken_progress.remaining_text,
              },
            }),
          }),
        onTrackStarted: (track, participant) => {
          if (track.kind === "audio" && !participant?.local) speaker.attach(track);
        },
        onBotDisconnected: () => {
          if (this.farewell) return;
          this.farewell = AGENT_LEFT;
          this.mayReturn = false;
        },
        onServerMessage: (data: unknown) => {
          const { type, state } = (data ?? {}) as Record<string, unknown>;
          if (type === "recording") events.recorded(state === "started");
        },
        onError: (message) => this.onError(message),
        onMessageError: (message) => this.onError(message),
        onDisconnected: () => this.onDisconnected(),
      },
    });
    this.client.onInterrupted = () => {
      speaker.flush();
      window.clearTimeout(this.stopOverdue);
      this.stopOverdue = window.setTimeout(() => speaker.listen(), STOPS_WITHIN_MS);
      events.transcript({ type: "interrupted" });
    };
  }

  /** Connects over one offer. Throws when that does not lead to an agent that is ready. */
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

  send(text: string): void {
    void this.client.sendText(text, { run_immediately: true, audio_response: true });
  }

  setMicrophone(enabled: boolean): void {
    this.client.enableMic(enabled);
  }

  async addMicrophone(microphone: Microphone): Promise<void> {
    await this.media.useMicrophone(microphone);
    this.client.enableMic(true);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    await this.letGo();
    await this.sayGoodbye();
  }

  /**
   * Leaves a connection that was lost, without a word: a server that only stood still would take
   * a goodbye for the caller's, and end the session.
   */
  async letGo(): Promise<void> {
    this.isClosed = true;
    window.clearTimeout(this.stopOverdue);
    window.clearInterval(this.looking);
    await this.media.disconnect();
  }

  /** Frees what a connection held that was let go of, when nothing depends on it any more. */
  async sayGoodbye(): Promise<void> {
    await this.client.disconnect().catch(() => undefined);
  }

  private async connect(signal: AbortSignal): Promise<void> {
    const given = new Promise<never>((_, reject) => {
      this.failConnecting = reject;
    });
    const onAbort = () => this.failConnecting(signal.reason as Error);
    signal.addEventListener("abort", onAbort);
    let deadline = this.deadline(CONNECT_WITHIN_MS, "no connection within 8 seconds");
    this.client.on("connected", () => {
      window.clearTimeout(deadline);
      deadline = this.deadline(READY_WITHIN_MS, "the agent was not ready within 20 seconds");
    });
    try {
      signal.throwIfAborted();
      await Promise.race([this.client.connect(this.params as never), given]);
      this.isReady = true;
      this.lookForPackets();
    } finally {
      window.clearTimeout(deadline);
      signal.removeEventListener("abort", onAbort);
    }
  }

  private lookForPackets(): void {
    let last: number | null = null;
    let unchanged = 0;
    this.looking = window.setInterval(async () => {
      const count = await this.packets();
      unchanged = count !== null && count === last ? unchanged + 1 : 0;
      last = count;
      if (unchanged >= LOOKS_WITHOUT_PACKETS && !this.isClosed) this.onDisconnected();
    }, LOOK_FOR_PACKETS_MS);
  }

  private deadline(after: number, message: string): number {
    return window.setTimeout(() => this.failConnecting(new Error(message)), after);
  }

  private onError(message: RTVIMessage): void {
    const { error, message: text, fatal } = (message.data ?? {}) as Record<string, unknown>;
    const words = typeof error === "string" ? error : typeof text === "string" ? text : "";
    if (fatal === true) {
      // The transport reports a closed connection as an error of its own, after its close code.
      if (this.farewell) return;
      this.farewell = closedNotice(0, words);
      this.mayReturn = mayComeBack(0, words);
    } else if (words) {
      this.events.trouble({ tone: "trouble", title: "The server reports a problem", text: words });
    }
  }

  private onDisconnected(): void {
    this.speaker.flush();
    if (this.isClosed) return;
    const notice = this.farewell ?? lost();
    window.clearInterval(this.looking);
    if (this.isReady) this.events.ended(this, notice, this.mayReturn);
    else this.failConnecting(new Error(notice.text));
  }
}
