/** How loud something is right now, from 0 (silence) to 1 (loud speech). */
export interface Level {
  read(): number;
}

export const SILENT: Level = { read: () => 0 };

const QUIETEST_DB = -55;
const LOUDEST_DB = -12;

/** Maps a root mean square in [0, 1] to the meter's scale, which is even in decibels. */
export function meter(rms: number): number {
  if (rms <= 0) return 0;
  const decibels = 20 * Math.log10(rms);
  return Math.max(0, Math.min(1, (decibels - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}

/** Watches an audio graph without changing what goes through it. */
export class AnalyserLevel implements Level {
  private readonly samples: Float32Array<ArrayBuffer>;

  constructor(readonly node: AnalyserNode) {
    node.fftSize = 1024;
    this.samples = new Float32Array(node.fftSize);
  }

  read(): number {
    this.node.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return meter(Math.sqrt(sum / this.samples.length));
  }
}
