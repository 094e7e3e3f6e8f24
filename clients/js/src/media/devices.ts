import { Microphone } from "./microphone";
import { Speaker } from "./speaker";

/** What a call hears and speaks with, opened once however many connections it has. */
export class Devices {
  readonly speaker = new Speaker();
  readonly context = new AudioContext({ latencyHint: "interactive" });
  microphone: Microphone | null = null;

  /** Must begin in a click or key press, or the browser keeps the page mute. */
  constructor() {
    void this.speaker.unlock();
    void this.context.resume();
  }

  /** Asks for the microphone. Throws `NoMicrophone` when it cannot be had. */
  async openMicrophone(constraints?: MediaTrackConstraints): Promise<Microphone> {
    this.microphone ??= await Microphone.open(this.context, constraints);
    return this.microphone;
  }

  /** Stops hearing and playing at once; frees the rest. */
  async close(): Promise<void> {
    this.speaker.flush();
    this.microphone?.close();
    await this.speaker.close();
    await this.context.close();
  }
}
