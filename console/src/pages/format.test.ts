import { describe, expect, it } from "vitest";
import { ago, bytes, clock, counted, milliseconds, shortSeconds } from "./format";

describe("format", () => {
  it.each([
    [0, "0:00"],
    [59.9, "0:59"],
    [61, "1:01"],
    [3_725, "1:02:05"],
    [-1, "0:00"],
  ])("clock(%s)", (seconds, text) => expect(clock(seconds)).toBe(text));

  it.each([
    [12, "12 B"],
    [4_321, "4.3 kB"],
    [297_000_000, "297 MB"],
    [1_500_000_000, "1.5 GB"],
  ])("bytes(%s)", (count, text) => expect(bytes(count)).toBe(text));

  it("says how long ago", () => {
    const now = Date.parse("2026-01-01T10:00:00Z");
    expect(ago("2026-01-01T09:59:58Z", now)).toBe("now");
    expect(ago("2026-01-01T09:57:00Z", now)).toMatch(/3/);
    expect(ago("2025-12-30T10:00:00Z", now)).toMatch(/2/);
  });

  it("counts", () => {
    expect([counted(1, "leg"), counted(2, "leg")]).toEqual(["1 leg", "2 legs"]);
    expect([milliseconds(0.2504), shortSeconds(0.6123)]).toEqual(["250 ms", "0.61 s"]);
  });
});
