import { describe, expect, it } from "vitest";
import { Account } from "./account";
import { Api, pathOf } from "./api";
import { ServerGone, ServerRefused } from "./problem";

const BASE = new URL("http://host.test/console/");

function answering(response: () => Response) {
  const asked: Request[] = [];
  const request = (async (input: RequestInfo | URL, init?: RequestInit) => {
    asked.push(new Request(input, init));
    return response();
  }) as typeof fetch;
  const account = new Account(BASE, null, request);
  return { asked, account, api: new Api(BASE, account, request) };
}

describe("Api", () => {
  it("sends a change as JSON, with the version that it is based on", async () => {
    const { asked, api } = answering(() => Response.json({ id: "a" }));
    await api.send("PUT", pathOf("v1/agents", "a/b"), { id: "a/b" }, { "If-Match": '"abc"' });
    expect(asked[0]?.url).toBe("http://host.test/console/v1/agents/a%2Fb");
    expect(asked[0]?.headers.get("If-Match")).toBe('"abc"');
    expect(asked[0]?.headers.get("Content-Type")).toBe("application/json");
    expect(await asked[0]?.json()).toEqual({ id: "a/b" });
  });

  it("answers nothing where the server does", async () => {
    const { api } = answering(() => new Response(null, { status: 204 }));
    expect(await api.send("DELETE", "v1/agents/a")).toBeUndefined();
  });

  it("throws the server's own words", async () => {
    const problem = { title: "The agent was changed meanwhile", detail: "Read it again." };
    const { api } = answering(() => Response.json(problem, { status: 412 }));
    await expect(api.get("v1/agents")).rejects.toMatchObject({ status: 412, ...problem });
    await expect(api.get("v1/agents")).rejects.toBeInstanceOf(ServerRefused);
  });

  it("signs out when the server no longer knows who asks", async () => {
    const { api, account } = answering(() => Response.json({}, { status: 401 }));
    await expect(api.get("v1/keys")).rejects.toBeInstanceOf(ServerRefused);
    expect(account.snapshot()).toBe("signed out");
  });

  it("changes a password and stays signed in, also when the old one is wrong", async () => {
    const tokens = { access_token: "vat_b", expires_in: 900, refresh_token: "vrt_b" };
    let answer = () => Response.json({ title: "Email or password is wrong" }, { status: 401 });
    const { api, account } = answering(() => answer());
    account.take({ ...tokens, access_token: "vat_a" });
    await expect(api.changePassword("wrong", "new")).rejects.toMatchObject({ status: 401 });
    expect(await account.authorization()).toBe("Bearer vat_a");
    answer = () => Response.json(tokens);
    await api.changePassword("old", "new");
    expect(await account.authorization()).toBe("Bearer vat_b");
  });

  it("says that nobody answers", async () => {
    const gone = () => Promise.reject(new TypeError("Failed to fetch"));
    const api = new Api(BASE, new Account(BASE, null, gone), gone);
    await expect(api.get("v1/keys")).rejects.toBeInstanceOf(ServerGone);
  });
});

describe("pathOf", () => {
  it("leaves out what is not given", () => {
    expect(pathOf("v1/sessions", { state: "", agent: "a&b", cursor: null, limit: 25 })).toBe(
      "v1/sessions?agent=a%26b&limit=25",
    );
    expect(pathOf("v1/sessions", "p0.x", "recordings", 1)).toBe("v1/sessions/p0.x/recordings/1");
  });
});
