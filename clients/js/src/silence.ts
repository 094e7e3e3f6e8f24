const FAINTEST_LEVEL = 0.02;
const NOTHING_HEARD_AFTER_MS = 8_000;

/** Notices that a microphone which is on gives nothing, and that it does after all. */
export class SilenceWatch {
  private since: number | null = null;
  private wasHeard = false;
  private wasTold = false;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** The call begins, or goes on after a loss. */
  restart(): void {
    this.since = null;
  }

  /**
   * To be called often with how loud it is, null while it is off or muted. Says each of its two
   * findings once, and that it is silent only when that can be told.
   */
  look(level: number | null, canTell: boolean): "silent" | "heard" | null {
    if (this.wasHeard) return null;
    if (level === null) {
      this.since = null;
      return null;
    }
    if (level > FAINTEST_LEVEL) {
      this.wasHeard = true;
      return "heard";
    }
    this.since ??= this.now();
    if (this.wasTold || !canTell || this.now() - this.since <= NOTHING_HEARD_AFTER_MS) return null;
    this.wasTold = true;
    return "silent";
  }
}
