import { describe, expect, it } from "vitest";
import { readPreferences } from "./preferences";

describe("readPreferences", () => {
  it("begins with auto and the server's default agent", () => {
    expect(readPreferences("", null)).toEqual({ transport: "auto", agent: "" });
  });

  it("remembers the last choice, and lets the address win", () => {
    const stored = JSON.stringify({ transport: "webrtc", agent: "clinic" });
    expect(readPreferences("", stored)).toEqual({ transport: "webrtc", agent: "clinic" });
    expect(readPreferences("?transport=websocket&agent=frontdesk", stored)).toEqual({
      transport: "websocket",
      agent: "frontdesk",
    });
  });

  it("ignores what it does not understand", () => {
    expect(readPreferences("?transport=pigeon", "{broken")).toEqual({ transport: "auto", agent: "" });
    expect(readPreferences("", "null")).toEqual({ transport: "auto", agent: "" });
  });
});
