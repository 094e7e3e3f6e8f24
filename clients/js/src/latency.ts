import type { Level } from "./media/level";

const VOICE = 0.12;
const SOUND = 0.05;
/** Longer ago, it is not what the agent answers to. */
const FORGOTTEN_AFTER_MS = 15_000;

/** Measures what the caller waits: from the end of what he says to the agent's first sound. */
export class LatencyWatch {
  private asked: number | null = null;

  constructor(
    private readonly caller: Level,
    private readonly agent: Level,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Something was typed. */
  typed(): void {
    this.asked = this.now();
  }

  /** To be called often. Returns the wait in milliseconds when it is over, else null. */
  look(): number | null {
    const now = this.now();
    if (this.agent.read() > SOUND) {
      const waited = this.asked === null ? Infinity : now - this.asked;
      this.asked = null;
      return waited < FORGOTTEN_AFTER_MS ? waited : null;
    }
    if (this.caller.read() > VOICE) this.asked = now;
    return null;
  }
}
