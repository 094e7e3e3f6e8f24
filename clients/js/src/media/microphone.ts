import captureSource from "./capture.worklet.ts?script";
import { AnalyserLevel, type Level } from "./level";

export type MicrophoneTrouble = "insecure" | "refused" | "missing" | "busy" | "unknown";

/** Why there is no microphone, in a form that the page can put into words. */
export class NoMicrophone extends Error {
  constructor(
    readonly trouble: MicrophoneTrouble,
    message: string,
  ) {
    super(message);
    this.name = "NoMicrophone";
  }
}

/** What a browser's refusal means. The names are those of the Media Capture specification. */
export function troubleOf(errorName: string): MicrophoneTrouble {
  switch (errorName) {
    case "NotAllowedError":
    case "SecurityError":
      return "refused";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "unknown";
  }
}

/** Whether the browser would let this page have a microphone at all. */
export function microphoneAllowedHere(): boolean {
  return window.isSecureContext && typeof navigator.mediaDevices?.getUserMedia === "function";
}

const AS_A_TELEPHONE: MediaTrackConstraints = {
  channelCount: 1,
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};

/** The audio thread's script. It travels inside this one, so that any bundler can ship it. */
let captureUrl: string | undefined;

function captureScript(): string {
  return (captureUrl ??= URL.createObjectURL(
    new Blob([captureSource], { type: "text/javascript" }),
  ));
}

/**
 * The caller's microphone, opened once a call however many connections the call tries.
 *
 * Connections get clones of the track, because a transport that gives up stops its track and
 * opening the device anew would ask the caller again in some browsers.
 */
export class Microphone {
  readonly level: Level;
  /** It was unplugged, or the browser has taken it back. */
  onEnded: () => void = () => undefined;
  private readonly source: MediaStreamAudioSourceNode;
  private readonly clones = new Set<MediaStreamTrack>();
  private muted = false;
  private isClosed = false;

  private constructor(
    private readonly context: AudioContext,
    private readonly stream: MediaStream,
  ) {
    this.source = context.createMediaStreamSource(stream);
    const analyser = new AnalyserLevel(context.createAnalyser());
    this.source.connect(analyser.node);
    this.level = analyser;
    this.original?.addEventListener("ended", () => this.onEnded());
  }

  /** Asks for the microphone. Throws `NoMicrophone` when it cannot be had. */
  static async open(
    context: AudioContext,
    constraints: MediaTrackConstraints = {},
  ): Promise<Microphone> {
    if (!microphoneAllowedHere()) {
      throw new NoMicrophone("insecure", "This page is neither on HTTPS nor on localhost.");
    }
    let stream: MediaStream | undefined;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { ...AS_A_TELEPHONE, ...constraints },
      });
      return new Microphone(context, stream);
    } catch (error) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      const name = error instanceof Error ? error.name : "";
      throw new NoMicrophone(troubleOf(name), error instanceof Error ? error.message : String(error));
    }
  }

  get label(): string {
    return this.original?.label ?? "";
  }

  get deviceId(): string {
    return this.original?.getSettings().deviceId ?? "default";
  }

  /** A track of its own for one connection, which may stop it. */
  cloneTrack(): MediaStreamTrack | undefined {
    const clone = this.original?.clone();
    if (clone) {
      clone.enabled = !this.muted;
      this.clones.add(clone);
    }
    return clone;
  }

  /** Feeds a node of the same audio context. */
  connect(node: AudioNode): void {
    this.source.connect(node);
  }

  /** Sends 32 ms parcels of 16 kHz PCM16 until the returned function is called. */
  async capture(onParcel: (pcm: ArrayBuffer) => void): Promise<() => void> {
    await this.context.audioWorklet.addModule(captureScript());
    const node = new AudioWorkletNode(this.context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    node.port.onmessage = (event: MessageEvent<ArrayBuffer>) => onParcel(event.data);
    this.source.connect(node);
    return () => {
      node.port.onmessage = null;
      // Once the microphone is closed it is connected with nothing, and that would throw.
      if (!this.isClosed) this.source.disconnect(node);
    };
  }

  get isMuted(): boolean {
    return this.muted;
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    for (const track of [...this.stream.getAudioTracks(), ...this.clones]) track.enabled = !muted;
  }

  close(): void {
    this.isClosed = true;
    this.source.disconnect();
    for (const track of [...this.stream.getTracks(), ...this.clones]) track.stop();
    this.clones.clear();
  }

  private get original(): MediaStreamTrack | undefined {
    return this.stream.getAudioTracks()[0];
  }
}
