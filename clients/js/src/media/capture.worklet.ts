/** Runs on the audio thread: microphone samples in, 32 ms parcels of 16 kHz PCM16 out. */
import { Resampler, toInt16 } from "./resampler";

// What the audio thread's global scope offers; TypeScript's DOM library leaves it out.
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: typeof AudioWorkletProcessor): void;

const RATE = 16_000;
const PARCEL = 512;

class Capture extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, RATE);
  private parcel = new Int16Array(PARCEL);
  private filled = 0;

  process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0];
    if (channel) for (const sample of toInt16(this.resampler.process(channel))) this.push(sample);
    return true;
  }

  private push(sample: number): void {
    this.parcel[this.filled++] = sample;
    if (this.filled < PARCEL) return;
    this.port.postMessage(this.parcel.buffer, [this.parcel.buffer]);
    this.parcel = new Int16Array(PARCEL);
    this.filled = 0;
  }
}

registerProcessor("capture", Capture);
