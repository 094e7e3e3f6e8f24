import { describe, expect, it } from "vitest";
import { NoMicrophone, troubleOf } from "../media/microphone";
import { ServerGone, ServerRefused } from "../wire/problem";
import { NoTransportWorked } from "../transport/race";
import { closedNotice, failureNotice, mayComeBack } from "./words";

describe("failureNotice", () => {
  it("tells how to get a microphone where the browser gives none", () => {
    const notice = failureNotice(new NoMicrophone("insecure", ""));
    expect(notice.command).toBe("voice-agent serve --tls self-signed");
    expect(notice.text).toContain("you can type");
  });

  it.each([
    ["NotAllowedError", "The microphone was refused"],
    ["NotFoundError", "No microphone found"],
    ["NotReadableError", "The microphone is in use"],
    ["TypeError", "The microphone did not start"],
  ])("puts the browser's %s into words", (name, title) => {
    expect(failureNotice(new NoMicrophone(troubleOf(name), "")).title).toBe(title);
  });

  it("shows the server's own words", () => {
    expect(failureNotice(new ServerRefused(503, "Busy", "all lines are taken"))).toMatchObject({
      title: "The server is busy",
      text: "All lines are taken.",
    });
    expect(failureNotice(new ServerRefused(404, "Not found", "No agent 'x'.")).title).toBe(
      "The server refused the call",
    );
  });

  it("says where nobody answers and how to start the server", () => {
    const notice = failureNotice(new ServerGone("localhost:7860"));
    expect(notice.text).toContain("localhost:7860");
    expect(notice.command).toBe("voice-agent serve");
  });

  it("says why each transport failed", () => {
    const steps = [{ type: "webrtc", reason: "", outcome: "failed", error: "no way" } as const];
    expect(failureNotice(new NoTransportWorked(steps)).text).toContain("no way");
  });
});

describe("closedNotice", () => {
  it("prefers the reason that the server gave", () => {
    expect(closedNotice(1012, "the server is stopping, connect again").text).toBe(
      "The server is stopping, connect again.",
    );
    expect(closedNotice(4001, "another connection took over").text).toBe(
      "Another connection took over.",
    );
  });

  it.each([
    [1000, "The call has ended"],
    [1006, "The connection was lost"],
    [1012, "The server is going away"],
    [1013, "The server is busy"],
    [1011, "The server ended the call"],
  ])("has words for code %i without a reason", (code, title) => {
    expect(closedNotice(code, "").title).toBe(title);
  });
});

describe("mayComeBack", () => {
  it("comes back to a server that was lost or restarts", () => {
    for (const code of [1006, 1011, 1012, 1013]) expect(mayComeBack(code, "")).toBe(true);
    expect(mayComeBack(0, "the server is stopping, connect again")).toBe(true);
  });

  it("takes an end in order for one", () => {
    for (const code of [1000, 1001, 4409, 4411]) expect(mayComeBack(code, "")).toBe(false);
    expect(mayComeBack(0, "the session was idle for too long")).toBe(false);
  });
});
