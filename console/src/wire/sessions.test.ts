import { describe, expect, it } from "vitest";
import { ServerGone, ServerRefused } from "./problem";
import { Server } from "./sessions";

const BASE = new URL("http://host.test/console/");
const WANTED = { transport: "auto", client: { webrtc: true, websocket: true } } as const;

function answering(response: Response) {
  const asked: Request[] = [];
  const request = (async (input: RequestInfo | URL, init?: RequestInit) => {
    asked.push(new Request(input, init));
    return response;
  }) as typeof fetch;
  return { asked, server: new Server(BASE, request) };
}

describe("Server", () => {
  it("asks for a session below the path that the page was served from", async () => {
    const { asked, server } = answering(
      Response.json({ session_id: "s", token: "t", expires_at: "", transports: [] }),
    );
    await server.createSession({ agent: "frontdesk", ...WANTED });
    expect(asked[0]?.url).toBe("http://host.test/console/v1/sessions");
    expect(await asked[0]?.json()).toEqual({
      agent: "frontdesk",
      transport: "auto",
      client: { webrtc: true, websocket: true },
    });
  });

  it("gives back the problem document's detail when refused", async () => {
    const problem = { title: "Busy", status: 503, detail: "All 20 lines are in use." };
    const { server } = answering(Response.json(problem, { status: 503 }));
    const refused = server.createSession(WANTED);
    await expect(refused).rejects.toMatchObject({ status: 503, detail: "All 20 lines are in use." });
    await expect(refused).rejects.toBeInstanceOf(ServerRefused);
  });

  it("copes with a proxy's HTML error page", async () => {
    const { server } = answering(
      new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" }),
    );
    await expect(server.agents()).rejects.toMatchObject({ status: 502, detail: "Bad Gateway" });
  });

  it("says that the server is gone when nothing answers", async () => {
    const server = new Server(BASE, () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(server.agents()).rejects.toBeInstanceOf(ServerGone);
  });
});
