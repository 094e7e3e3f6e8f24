import { describe, expect, it } from "vitest";
import { LatencyWatch } from "./latency";

/** Looks at both sides each 50 ms: what they are, one letter a look. */
function waits(caller: string, agent: string): (number | null)[] {
  let at = 0;
  const level = (sounds: string) => ({ read: () => (sounds[at] === "#" ? 0.6 : 0) });
  const watch = new LatencyWatch(level(caller), level(agent), () => at * 50);
  const found = [];
  for (; at < caller.length; at++) {
    const waited = watch.look();
    if (waited !== null) found.push(waited);
  }
  return found;
}

describe("LatencyWatch", () => {
  it("counts from the caller's last sound to the agent's first", () => {
    expect(waits("..###.......###....", "........####.......")).toEqual([200]);
  });

  it("counts no greeting, and an answer with pauses once", () => {
    expect(waits("......##.........", "###......##..##..")).toEqual([100]);
  });

  it("counts from what the caller went on to say when he barged in", () => {
    expect(waits("##..##.##....", ".....###...##")).toEqual([50, 150]);
  });
});
