import { describe, expect, it } from "vitest";
import { ServerGone, ServerRefused } from "./problem";
import { capabilities, requestSession, SessionServer, type Session } from "./session";

const URL_OF_SESSIONS = new URL("http://host.test/below/v1/sessions");
const WANTED = { transport: "auto", client: { webrtc: true, websocket: true } } as const;
const SESSION: Session = {
  session_id: "a/b",
  token: "secret",
  expires_at: "",
  transports: [
    { type: "websocket", url: "wss://voice.test/below/v1/sessions/a%2Fb/ws?token=secret" },
  ],
};

function answering(response: () => Response | Promise<Response>) {
  const asked: Request[] = [];
  const request = (async (input: RequestInfo | URL, init?: RequestInit) => {
    asked.push(new Request(input, init));
    return response();
  }) as typeof fetch;
  return { asked, request };
}

const gone = () => Promise.reject(new TypeError("Failed to fetch"));

describe("requestSession", () => {
  it("asks for what is wanted, with the key", async () => {
    const { asked, request } = answering(() => Response.json(SESSION));
    const key = { Authorization: "Bearer vak_public_x" };
    expect(await requestSession(URL_OF_SESSIONS, WANTED, key, request)).toEqual(SESSION);
    expect(asked[0]?.headers.get("Authorization")).toBe("Bearer vak_public_x");
    expect(await asked[0]?.json()).toEqual(WANTED);
  });

  it("gives back the problem document's detail when refused", async () => {
    const problem = { title: "Busy", status: 503, detail: "All 20 lines are in use." };
    const { request } = answering(() => Response.json(problem, { status: 503 }));
    const refused = requestSession(URL_OF_SESSIONS, WANTED, {}, request);
    await expect(refused).rejects.toMatchObject({ status: 503, detail: "All 20 lines are in use." });
    await expect(refused).rejects.toBeInstanceOf(ServerRefused);
  });

  it("says that the server is gone when nothing answers", async () => {
    const asking = requestSession(URL_OF_SESSIONS, WANTED, {}, gone);
    await expect(asking).rejects.toBeInstanceOf(ServerGone);
  });
});

describe("SessionServer", () => {
  it("finds the server by the plan's addresses", () => {
    expect(new SessionServer(SESSION).base.href).toBe("https://voice.test/below/");
  });

  it("hangs up with the session's token", async () => {
    const { asked, request } = answering(() => new Response(null, { status: 204 }));
    await new SessionServer(SESSION, undefined, request).end();
    expect(asked[0]?.method).toBe("DELETE");
    expect(asked[0]?.url).toBe("https://voice.test/below/v1/sessions/a%2Fb");
    expect(asked[0]?.headers.get("Authorization")).toBe("Bearer secret");
  });

  it.each([
    [() => Response.json({ state: "suspended" }), true],
    [() => Response.json({ state: "ended" }), false],
    [() => new Response(null, { status: 404 }), false],
    [() => new Response(null, { status: 401 }), false],
    [() => new Response(null, { status: 502 }), null],
    [gone, null],
  ])("tells whether the session waits", async (answer, waits) => {
    const { request } = answering(answer);
    expect(await new SessionServer(SESSION, undefined, request).waits()).toBe(waits);
  });

  it("tells whether anybody answers", async () => {
    expect(await new SessionServer(SESSION, undefined, gone).alive()).toBe(false);
  });
});

describe("capabilities", () => {
  it("asks the browser, not its name", () => {
    expect(capabilities({ WebSocket: 1 })).toEqual({ webrtc: false, websocket: true });
  });
});
