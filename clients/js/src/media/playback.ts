/**
 * When each parcel of speech is to sound, so that parcels join without a gap.
 *
 * All times are seconds on the audio clock. After a pause, or when a parcel came too late, a
 * short lead is left, so that the next late parcel does not tear the sound.
 */
export class PlaybackSchedule {
  private end = 0;

  constructor(readonly leadSeconds = 0.04) {}

  /** The time at which a parcel that arrives now is to start. */
  place(now: number, durationSeconds: number): number {
    const start = this.end > now ? this.end : now + this.leadSeconds;
    this.end = start + durationSeconds;
    return start;
  }

  /** How much is waiting to be heard. */
  backlog(now: number): number {
    return Math.max(0, this.end - now);
  }

  clear(): void {
    this.end = 0;
  }
}
