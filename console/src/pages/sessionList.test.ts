import { describe, expect, it } from "vitest";
import { cursorOf, filterOf, FIRST_PAGE, newer, older, queryOf, sessionsPath } from "./sessionList";

describe("the filter", () => {
  it("is what the address says, and the other way round", () => {
    const query = "state=ended&agent=frontdesk&from=2026-01-02&to=2026-01-03";
    expect(queryOf(filterOf(query))).toBe(query);
    expect(queryOf(filterOf(""))).toBe("");
  });

  it("takes no day that is none", () => {
    expect(filterOf("from=yesterday&to=2026-13-45")).toMatchObject({ from: "", to: "" });
  });

  it("asks for whole days", () => {
    const path = sessionsPath(filterOf("from=2026-01-31&to=2026-01-31"), null);
    const asked = new URLSearchParams(path.split("?")[1]);
    const from = Date.parse(asked.get("created_from") ?? "");
    const before = Date.parse(asked.get("created_before") ?? "");
    expect(new Date(from).getHours()).toBe(0);
    expect(new Date(from).getDate()).toBe(31);
    expect(before - from).toBe(24 * 3_600_000);
  });

  it("asks for no more than it must", () => {
    expect(sessionsPath(filterOf(""), null)).toBe("v1/sessions?limit=25");
    expect(sessionsPath(filterOf("state=connected"), "abc")).toBe(
      "v1/sessions?state=connected&limit=25&cursor=abc",
    );
  });
});

describe("paging", () => {
  it("goes to older pages and back the same way", () => {
    const second = older(FIRST_PAGE, "b");
    const third = older(second, "c");
    expect(cursorOf(FIRST_PAGE)).toBeNull();
    expect(cursorOf(third)).toBe("c");
    expect(cursorOf(newer(third))).toBe("b");
    expect(newer(newer(third))).toEqual(FIRST_PAGE);
  });

  it("stays on the last page, and on the first", () => {
    expect(older(["b"], null)).toEqual(["b"]);
    expect(newer(FIRST_PAGE)).toEqual(FIRST_PAGE);
  });
});
