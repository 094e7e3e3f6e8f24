import { Microphone } from "./microphone";
import { Speaker } from "./speaker";

/** What a call hears and speaks with, opened once however many connections it has. */
export class Devices {
  readonly context = new AudioContext({ latencyHint: "interactive" });
  readonly speaker = new Speaker(this.context);
  microphone: Microphone | null = null;
  private opening: Promise<Microphone> | null = null;

  /** Must begin in a click or key press, or the browser keeps the page mute. */
  constructor() {
    void this.speaker.unlock();
    void this.context.resume();
  }

  /** Asks for the microphone, once however often. Throws `NoMicrophone` when it cannot be had. */
  async openMicrophone(constraints?: MediaTrackConstraints): Promise<Microphone> {
    if (this.microphone) return this.microphone;
    this.opening ??= Microphone.open(this.context, constraints)
      .then((microphone) => (this.microphone = microphone))
      .finally(() => (this.opening = null));
    return this.opening;
  }

  /** Lets go of a microphone that gives nothing any more, so that another can be opened. */
  dropMicrophone(): void {
    this.microphone?.close();
    this.microphone = null;
  }

  /** Stops hearing and playing at once; frees the rest. */
  async close(): Promise<void> {
    this.speaker.flush();
    this.microphone?.close();
    await this.speaker.close();
    await this.context.close();
  }
}
