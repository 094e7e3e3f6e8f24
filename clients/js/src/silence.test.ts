import { describe, expect, it } from "vitest";
import { SilenceWatch } from "./silence";

/** Looks each second: at sound (#), at silence (.), at a muted one (m), with another notice (x). */
function found(microphone: string): (string | null)[] {
  let at = 0;
  const watch = new SilenceWatch(() => at * 1_000);
  const all = [];
  for (; at < microphone.length; at++) {
    const one = microphone[at]!;
    all.push(watch.look(one === "m" ? null : one === "#" ? 0.3 : 0, one !== "x"));
  }
  return all;
}

describe("SilenceWatch", () => {
  it("says once that nothing is heard, and when something is", () => {
    const all = found("..............#...");
    expect(all.indexOf("silent")).toBe(9);
    expect(all.indexOf("heard")).toBe(14);
    expect(all.filter(Boolean)).toHaveLength(2);
  });

  it("says nothing of one that was heard, and of one that is muted", () => {
    expect(found("#.............").filter(Boolean)).toEqual(["heard"]);
    expect(found(".....mmmmmmmm.....").filter(Boolean)).toEqual([]);
  });

  it("waits while something else is told", () => {
    expect(found("xxxxxxxxxxxx..").indexOf("silent")).toBe(12);
  });
});
