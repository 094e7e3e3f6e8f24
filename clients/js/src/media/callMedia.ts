import type { PipecatClientOptions, Tracks } from "@pipecat-ai/client-js";
import type { WavMediaManager } from "@pipecat-ai/websocket-transport";
import type { Microphone } from "./microphone";

/** What a connection may do with the loudspeaker. */
export interface Playback {
  play(pcm: Int16Array): void;
  flush(): void;
  detach(): void;
}

type Device = MediaDeviceInfo | Record<string, never>;

/**
 * The devices of one connection, in the shape that the official transports ask for through
 * their `mediaManager` option.
 *
 * Their default manager fetches code from a third party at run time and never empties its
 * player when the caller barges in; this one does neither.
 */
export class CallMedia {
  readonly supportsScreenShare = false;
  private options: PipecatClientOptions | null = null;
  private onParcel: (pcm: ArrayBuffer) => void = () => undefined;
  private capturing: Promise<() => void> | null = null;
  private track: MediaStreamTrack | undefined;
  private captures = false;
  private isDisconnected = false;

  private silence: MediaStreamAudioDestinationNode | null = null;

  constructor(
    private readonly context: AudioContext,
    private microphone: Microphone | null,
    private readonly speaker: Playback,
  ) {}

  /**
   * This manager under the type of the official ones. Their abstract base class is not
   * exported, so its type cannot be implemented by name; its methods are all here.
   */
  asOfficial(): WavMediaManager {
    return this as unknown as WavMediaManager;
  }

  setUserAudioCallback(callback: (pcm: ArrayBuffer) => void): void {
    this.onParcel = callback;
    this.captures = true;
  }

  setClientOptions(options: PipecatClientOptions): void {
    this.options = options;
  }

  async initialize(): Promise<void> {
    if (this.microphone) this.options?.callbacks?.onMicUpdated?.(this.selectedMic as MediaDeviceInfo);
  }

  /** Begins to hear. Only the WebSocket transport asks for parcels; WebRTC takes the track. */
  async connect(): Promise<void> {
    this.isDisconnected = false;
    if (!this.captures) {
      this.track ??= this.microphone?.cloneTrack() ?? this.silentTrack();
    } else if (this.microphone) {
      this.capturing ??= this.microphone.capture((pcm) => this.onParcel(pcm));
      await this.capturing;
    }
  }

  has(microphone: Microphone): boolean {
    return this.microphone === microphone;
  }

  /**
   * Brings a microphone into a connection that was made without one, or with one that has gone.
   * False if that takes a new connection: a track that was negotiated stays what it is.
   */
  async useMicrophone(microphone: Microphone): Promise<boolean> {
    if (this.track && !this.silence) return false;
    await this.stopCapturing();
    this.microphone = microphone;
    if (this.silence) microphone.connect(this.silence);
    else await this.connect();
    return true;
  }

  async disconnect(): Promise<void> {
    // A line that was lost is closed late, when another one has the speaker already.
    if (this.isDisconnected) return;
    this.isDisconnected = true;
    this.track?.stop();
    this.track = undefined;
    this.speaker.detach();
    await this.stopCapturing();
  }

  private async stopCapturing(): Promise<void> {
    const { capturing } = this;
    this.capturing = null;
    await capturing?.then(
      (stop) => stop(),
      () => undefined,
    );
  }

  async userStartedSpeaking(): Promise<void> {
    this.speaker.flush();
  }

  bufferBotAudio(data: ArrayBuffer | Int16Array): Int16Array {
    const pcm = data instanceof Int16Array ? data : new Int16Array(data);
    this.speaker.play(pcm);
    return pcm;
  }

  /** A track to negotiate with, so that a microphone can follow without negotiating again. */
  private silentTrack(): MediaStreamTrack | undefined {
    this.silence = this.context.createMediaStreamDestination();
    return this.silence.stream.getAudioTracks()[0];
  }

  tracks(): Tracks {
    return { local: this.track ? { audio: this.track } : {} };
  }

  enableMic(enable: boolean): void {
    this.microphone?.setMuted(!enable);
  }

  get isMicEnabled(): boolean {
    return this.microphone !== null && !this.microphone.isMuted;
  }

  get selectedMic(): Device {
    if (!this.microphone) return {};
    const { deviceId, label } = this.microphone;
    return { deviceId, label, groupId: "", kind: "audioinput" } as MediaDeviceInfo;
  }

  // This page has no camera, no screen sharing and no choice of devices.
  readonly isCamEnabled = false;
  readonly isSharingScreen = false;
  readonly selectedCam: Device = {};
  readonly selectedSpeaker: Device = {};
  enableCam(): void {}
  enableScreenShare(): void {}
  async updateMic(): Promise<void> {}
  updateCam(): void {}
  updateSpeaker(): void {}
  async getAllMics(): Promise<MediaDeviceInfo[]> {
    return [];
  }
  async getAllCams(): Promise<MediaDeviceInfo[]> {
    return [];
  }
  async getAllSpeakers(): Promise<MediaDeviceInfo[]> {
    return [];
  }
}
