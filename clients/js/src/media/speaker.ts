import { AnalyserLevel, type Level } from "./level";
import { PlaybackSchedule } from "./playback";

const RATE = 24_000;
const FADE_SECONDS = 0.008;
/** A parcel that the server had already sent when it was interrupted arrives within this. */
const STRAGGLER_MS = 100;

/**
 * Plays the agent: parcels of 24 kHz PCM16 over WebSocket, a media track over WebRTC.
 *
 * Parcels are scheduled as buffer sources rather than queued in an audio worklet: that can be
 * silenced between two samples, and it also works where a page may not load worklets
 * (plain HTTP).
 */
export class Speaker {
  readonly level: Level = {
    read: () =>
      this.element.muted ? 0 : Math.max(this.analyser.read(), this.remote ? this.meter.read() : 0),
  };
  private readonly context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  private readonly schedule = new PlaybackSchedule();
  private readonly analyser: AnalyserLevel;
  private readonly meter: AnalyserLevel;
  private readonly element = document.createElement("audio");
  private readonly waiting = new Set<AudioBufferSourceNode>();
  private gate: GainNode;
  private remote: MediaStreamAudioSourceNode | null = null;
  private deafUntil = 0;

  /** `metering` has the rate of the device: Firefox lets no remote track into any other. */
  constructor(private readonly metering: AudioContext) {
    this.meter = new AnalyserLevel(metering.createAnalyser());
    this.analyser = new AnalyserLevel(this.context.createAnalyser());
    this.gate = this.openGate();
    this.element.autoplay = true;
    this.element.hidden = true;
  }

  /** To be called in a click, or the browser keeps the page mute. */
  async unlock(): Promise<void> {
    if (this.context.state !== "running") await this.context.resume();
  }

  /** Queues a parcel of mono PCM16 at 24 kHz. */
  play(pcm: Int16Array): void {
    if (pcm.length === 0 || performance.now() < this.deafUntil) return;
    const buffer = this.context.createBuffer(1, pcm.length, RATE);
    buffer.copyToChannel(
      Float32Array.from(pcm, (sample) => sample / 0x8000),
      0,
    );
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.gate);
    source.onended = () => this.waiting.delete(source);
    this.waiting.add(source);
    source.start(this.schedule.place(this.context.currentTime, buffer.duration));
  }

  /** Silences at once all that was still to be heard of the current speech. */
  flush(): void {
    const now = this.context.currentTime;
    const gate = this.gate;
    gate.gain.setValueAtTime(1, now);
    gate.gain.linearRampToValueAtTime(0, now + FADE_SECONDS);
    for (const source of this.waiting) {
      source.onended = () => gate.disconnect();
      source.stop(now + FADE_SECONDS);
    }
    this.waiting.clear();
    this.schedule.clear();
    this.gate = this.openGate();
    this.deafUntil = performance.now() + STRAGGLER_MS;
    // What a jitter buffer still holds cannot be taken back, so a track is not heard until the
    // agent speaks anew.
    this.element.muted = true;
  }

  /** The agent has begun to speak anew: nothing that comes now is left over. */
  listen(): void {
    this.deafUntil = 0;
    this.element.muted = false;
  }

  /** Plays a remote track, as WebRTC brings it. */
  attach(track: MediaStreamTrack): void {
    const stream = new MediaStream([track]);
    this.element.srcObject = stream;
    document.body.append(this.element);
    void this.element.play().catch(() => undefined);
    this.remote?.disconnect();
    this.remote = this.metering.createMediaStreamSource(stream);
    this.remote.connect(this.meter.node);
  }

  /** Ends the current connection's sound; the speaker can be used for the next one. */
  detach(): void {
    this.flush();
    this.listen();
    this.remote?.disconnect();
    this.remote = null;
    this.element.srcObject = null;
    this.element.remove();
  }

  async close(): Promise<void> {
    this.detach();
    await this.context.close();
  }

  private openGate(): GainNode {
    const gate = this.context.createGain();
    gate.connect(this.context.destination);
    gate.connect(this.analyser.node);
    return gate;
  }
}
