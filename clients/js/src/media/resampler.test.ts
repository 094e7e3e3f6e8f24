import { describe, expect, it } from "vitest";
import { Resampler, toInt16 } from "./resampler";

function tone(frequency: number, rate: number, seconds = 1): Float32Array {
  return Float32Array.from({ length: rate * seconds }, (_, index) =>
    Math.sin((2 * Math.PI * frequency * index) / rate),
  );
}

function inChunks(resampler: Resampler, input: Float32Array, size: number): number[] {
  const output: number[] = [];
  for (let start = 0; start < input.length; start += size) {
    output.push(...resampler.process(input.subarray(start, start + size)));
  }
  return output;
}

function rms(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index++) sum += (samples[index] ?? 0) ** 2;
  return Math.sqrt(sum / samples.length);
}

describe("Resampler", () => {
  it.each([48_000, 44_100, 96_000])("keeps a 1 kHz tone from %i Hz whole", (rate) => {
    const output = inChunks(new Resampler(rate, 16_000), tone(1_000, rate), 128);
    expect(output.length).toBeGreaterThan(15_900);
    expect(output.length).toBeLessThanOrEqual(16_000);
    expect(rms(output.slice(200))).toBeCloseTo(Math.SQRT1_2, 2);
  });

  it("does not let what lies above 8 kHz fold back", () => {
    const output = inChunks(new Resampler(48_000, 16_000), tone(11_000, 48_000), 128);
    expect(rms(output.slice(200))).toBeLessThan(0.01);
  });

  it("gives the same samples however the input is cut", () => {
    const input = tone(440, 44_100, 0.5);
    const whole = [...new Resampler(44_100, 16_000).process(input)];
    const cut = inChunks(new Resampler(44_100, 16_000), input, 100);
    expect(cut.length).toBe(whole.length);
    for (let index = 0; index < cut.length; index++) {
      expect(cut[index]).toBeCloseTo(whole[index] ?? Number.NaN, 4);
    }
  });

  it("passes equal rates through", () => {
    const input = tone(300, 16_000, 0.1);
    expect(new Resampler(16_000, 16_000).process(input)).toBe(input);
  });

  it("refuses a rate that is none", () => {
    expect(() => new Resampler(0, 16_000)).toThrow(/positive/);
  });
});

describe("toInt16", () => {
  it("clips instead of wrapping round", () => {
    expect([...toInt16(Float32Array.of(0, 1, -1, 2, -2))]).toEqual([0, 32767, -32767, 32767, -32767]);
  });
});
