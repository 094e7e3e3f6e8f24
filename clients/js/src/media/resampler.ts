/**
 * Brings the microphone's rate down to the rate the server hears at.
 *
 * A Hann-windowed sinc low-pass, evaluated at the output instants only. Its cut-off lies
 * below half the output rate, so nothing that the target rate cannot hold folds back into
 * the speech band.
 */
export class Resampler {
  private readonly step: number;
  private readonly cutoff: number;
  private readonly halfWidth: number;
  /** The tail of the past input that the next output still needs. */
  private history: Float32Array;
  /** Where the next output lies, in input samples from the start of `history`. */
  private position: number;

  constructor(
    readonly fromRate: number,
    readonly toRate: number,
    zeroCrossings = 12,
  ) {
    if (!(fromRate > 0) || !(toRate > 0)) {
      throw new RangeError(`Sample rates must be positive, got ${fromRate} and ${toRate}.`);
    }
    this.step = fromRate / toRate;
    this.cutoff = 0.92 * Math.min(1, toRate / fromRate);
    this.halfWidth = zeroCrossings / this.cutoff;
    this.history = new Float32Array(Math.ceil(this.halfWidth));
    this.position = this.history.length;
  }

  /** Takes samples in [-1, 1] at the first rate and returns those at the second now due. */
  process(input: Float32Array): Float32Array {
    if (this.fromRate === this.toRate) return input;
    const samples = new Float32Array(this.history.length + input.length);
    samples.set(this.history);
    samples.set(input, this.history.length);

    const last = samples.length - 1 - this.halfWidth;
    const due = Math.max(0, Math.floor((last - this.position) / this.step) + 1);
    const output = new Float32Array(due);
    for (let index = 0; index < due; index++) {
      output[index] = this.at(samples, this.position);
      this.position += this.step;
    }

    const keepFrom = Math.max(0, Math.floor(this.position - this.halfWidth));
    this.history = samples.slice(keepFrom);
    this.position -= keepFrom;
    return output;
  }

  private at(samples: Float32Array, position: number): number {
    const first = Math.max(0, Math.ceil(position - this.halfWidth));
    const last = Math.min(samples.length - 1, Math.floor(position + this.halfWidth));
    let sum = 0;
    for (let index = first; index <= last; index++) {
      const distance = index - position;
      const x = Math.PI * distance * this.cutoff;
      const sinc = x === 0 ? 1 : Math.sin(x) / x;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * distance) / this.halfWidth);
      sum += (samples[index] ?? 0) * sinc * window;
    }
    return sum * this.cutoff;
  }
}

/** Samples in [-1, 1] as signed 16-bit, clipped. */
export function toInt16(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (sample) =>
    Math.round(Math.max(-1, Math.min(1, sample)) * 0x7fff),
  );
}
