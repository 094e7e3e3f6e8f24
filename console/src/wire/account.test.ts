import { describe, expect, it } from "vitest";
import { Account } from "./account";
import { Server } from "./sessions";

const BASE = new URL("http://host.test/console/");

class Shelf {
  private readonly kept = new Map<string, string>();
  getItem = (name: string) => this.kept.get(name) ?? null;
  setItem = (name: string, value: string) => void this.kept.set(name, value);
  removeItem = (name: string) => void this.kept.delete(name);
}

const tokens = (name: string) => ({
  access_token: `vat_${name}`,
  expires_in: 900,
  refresh_token: "vrt_1",
});

function site(answers: Record<string, () => Response>, shelf = new Shelf()) {
  const asked: string[] = [];
  const time = { now: 1_000_000 };
  const request = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const sent = new Request(input, init);
    const path = sent.url.slice(BASE.href.length);
    asked.push(`${sent.method} ${path} ${sent.headers.get("Authorization") ?? "-"}`);
    return (answers[path] ?? (() => new Response(null, { status: 404 })))();
  }) as typeof fetch;
  const account = new Account(BASE, shelf as unknown as Storage, request, () => time.now);
  return { asked, account, shelf, time, server: new Server(BASE, request, account) };
}

const refused = () => Response.json({ detail: "No." }, { status: 401 });

describe("Account", () => {
  it("asks nobody to sign in where the server asks nobody", async () => {
    const { account, server, asked } = site({
      "v1/auth/me": () => Response.json({ kind: "open" }),
      "v1/agents": () => Response.json({ agents: [] }),
    });
    await account.begin("");
    expect(account.snapshot()).toBe("open");
    await server.agents();
    expect(asked.at(-1)).toBe("GET v1/agents -");
  });

  it("shows the access token once somebody has signed in, and nothing after he has signed out", async () => {
    const { account, server, asked, shelf } = site({
      "v1/auth/me": refused,
      "v1/auth/sign-in": () => Response.json(tokens("a")),
      "v1/auth/sign-out": () => new Response(null, { status: 204 }),
      "v1/agents": () => Response.json({ agents: [] }),
    });
    await account.begin("");
    expect(account.snapshot()).toBe("signed out");
    await account.signIn("ann@example.com", "secret");
    expect(account.snapshot()).toBe("signed in");
    await server.agents();
    expect(asked.at(-1)).toBe("GET v1/agents Bearer vat_a");
    await account.signOut();
    expect(asked.at(-1)).toBe("POST v1/auth/sign-out Bearer vat_a");
    expect(account.snapshot()).toBe("signed out");
    expect(await account.authorization()).toBeUndefined();
    expect(shelf.getItem("voice-agent.refresh-token")).toBeNull();
  });

  it("stays signed in when the page is loaded again", async () => {
    const first = site({ "v1/auth/sign-in": () => Response.json(tokens("a")) });
    await first.account.signIn("ann@example.com", "secret");
    const again = site({ "v1/auth/refresh": () => Response.json(tokens("b")) }, first.shelf);
    await again.account.begin("");
    expect(again.account.snapshot()).toBe("signed in");
    expect(await again.account.authorization()).toBe("Bearer vat_b");
  });

  it("renews the access token once, shortly before it expires", async () => {
    const { account, asked, time } = site({
      "v1/auth/sign-in": () => Response.json(tokens("a")),
      "v1/auth/refresh": () => Response.json(tokens("b")),
    });
    await account.signIn("ann@example.com", "secret");
    time.now += 860_000;
    expect(await account.authorization()).toBe("Bearer vat_a");
    time.now += 15_000;
    const both = await Promise.all([account.authorization(), account.authorization()]);
    expect(both).toEqual(["Bearer vat_b", "Bearer vat_b"]);
    expect(asked.filter((line) => line.includes("refresh"))).toHaveLength(1);
  });

  it("asks to sign in again when the server knows the tokens no more", async () => {
    const { account, server, time } = site({
      "v1/auth/me": refused,
      "v1/auth/sign-in": () => Response.json(tokens("a")),
      "v1/auth/refresh": refused,
      "v1/agents": refused,
    });
    await account.signIn("ann@example.com", "secret");
    await expect(server.agents()).rejects.toMatchObject({ status: 401 });
    expect(account.snapshot()).toBe("signed out");
    await account.signIn("ann@example.com", "secret");
    time.now += 1_000_000;
    expect(await account.authorization()).toBeUndefined();
    expect(account.snapshot()).toBe("signed out");
  });

  it("makes the first administrator with the token of the link", async () => {
    const { account, asked } = site({ "v1/auth/setup": () => Response.json(tokens("a")) });
    await account.begin("#setup=vst_x.y");
    expect(account.snapshot()).toBe("setting up");
    await account.setUp({ email: "ann@example.com", name: "Ann", password: "long enough!" });
    expect(asked).toEqual(["POST v1/auth/setup -"]);
    expect(account.snapshot()).toBe("signed in");
  });
});
