import type { PipecatClientOptions, RTVIMessage } from "@pipecat-ai/client-js";
import { vi } from "vitest";
import type { CallMedia } from "../media/callMedia";
import { SILENT } from "../media/level";
import type { Wiring, WiringEvents } from "../transport/official";
import type { Session, SessionServer, TransportOffer } from "../wire/session";

/** An official transport whose other end is the test. */
export class Fake {
  readonly sent: RTVIMessage[] = [];
  isDisconnected = false;
  isReady = false;
  microphone: boolean | undefined;
  options!: PipecatClientOptions;
  say!: (message: RTVIMessage) => void;
  connected: () => void = () => undefined;

  constructor(
    readonly type: "webrtc" | "websocket",
    readonly attempt: string,
    readonly media: CallMedia,
    readonly events: WiringEvents,
  ) {
    if (type === "websocket") media.setUserAudioCallback(() => undefined);
  }

  initialize(options: PipecatClientOptions, say: (message: RTVIMessage) => void): void {
    this.options = options;
    this.say = say;
  }
  async initDevices(): Promise<void> {}
  async connect(): Promise<void> {
    await new Promise<void>((resolve) => (this.connected = resolve));
    await this.media.connect();
  }
  sendReadyMessage(): void {
    this.isReady = true;
  }
  sendMessage(message: RTVIMessage): void {
    this.sent.push(message);
  }
  enableMic(enabled: boolean): void {
    this.microphone = enabled;
  }
  async disconnect(): Promise<void> {
    this.isDisconnected = true;
    await this.media.disconnect();
  }

  /** The server answers on this connection. */
  async answers(): Promise<void> {
    this.connected();
    await settle();
    this.say(message("bot-ready"));
    await settle();
  }
  async closes(code: number, reason = ""): Promise<void> {
    this.events.closed(code, reason);
    this.options.callbacks?.onError?.(message("error"));
    await settle();
  }
}

/** All that were made since the test began, in order. */
export const made: Fake[] = [];

/** What stands in for `transport/official.ts`. */
export const official = {
  wire: (
    offer: TransportOffer,
    attempt: string,
    _: SessionServer,
    media: CallMedia,
    events: WiringEvents,
  ): Wiring => {
    const fake = new Fake(offer.type, attempt, media, events);
    made.push(fake);
    return {
      transport: fake as unknown as Wiring["transport"],
      params: {},
      packets: async () => null,
      backlog: () => 0,
    };
  },
};

export const settle = () => vi.advanceTimersByTimeAsync(0);
export const message = (type: string, data: unknown = {}) => ({ id: "1", label: "rtvi-ai", type, data }) as RTVIMessage;
export const SESSION: Session = {
  session_id: "s",
  token: "t",
  expires_at: "",
  transports: [
    { type: "webrtc", offer_url: "http://voice.test/v1/sessions/s/offer", ice_servers: [] },
    { type: "websocket", url: "ws://voice.test/v1/sessions/s/ws?token=t" },
  ],
};

/** A microphone and a loudspeaker that remember. */
export function devices() {
  const played: number[] = [];
  const captures = { running: 0 };
  const microphone = {
    level: SILENT,
    isMuted: false,
    close: vi.fn(),
    setMuted(muted: boolean) {
      this.isMuted = muted;
    },
    connect: vi.fn(),
    cloneTrack: () => ({ stop: () => undefined }),
    async capture() {
      captures.running++;
      return () => void captures.running--;
    },
  };
  const speaker = {
    play: (pcm: Int16Array) => void played.push(...pcm),
    level: SILENT,
    flush: vi.fn(),
    listen: vi.fn(),
    attach: vi.fn(),
    detach: vi.fn(),
  };
  const stream = { getAudioTracks: () => [{ stop: () => undefined }] };
  const context = { createMediaStreamDestination: () => ({ stream }) };
  return { played, captures, speaker, microphone, context };
}
