import { describe, expect, it } from "vitest";
import { PlaybackSchedule } from "./playback";

describe("PlaybackSchedule", () => {
  it("joins parcels without a gap", () => {
    const schedule = new PlaybackSchedule(0.04);
    const first = schedule.place(1, 0.02);
    expect(first).toBeCloseTo(1.04);
    expect(schedule.place(1.01, 0.02)).toBeCloseTo(first + 0.02);
    expect(schedule.place(1.02, 0.02)).toBeCloseTo(first + 0.04);
  });

  it("leaves a lead again after the queue ran dry", () => {
    const schedule = new PlaybackSchedule(0.04);
    schedule.place(1, 0.02);
    expect(schedule.backlog(2)).toBe(0);
    expect(schedule.place(2, 0.02)).toBeCloseTo(2.04);
  });

  it("forgets what was waiting when it is cleared", () => {
    const schedule = new PlaybackSchedule(0.04);
    schedule.place(1, 5);
    expect(schedule.backlog(1)).toBeCloseTo(5.04);
    schedule.clear();
    expect(schedule.backlog(1)).toBe(0);
    expect(schedule.place(1.1, 0.02)).toBeCloseTo(1.14);
  });
});
