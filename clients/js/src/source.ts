import type { VoiceAgentOptions } from "./options";
import { requestSession, type Session, type SessionRequest } from "./wire/session";

export interface SessionSource {
  request: (wanted: SessionRequest) => Promise<Session>;
  /** Where the server is, when it is known without the session. */
  base: URL | undefined;
}

/** Where sessions come from, as the options say. Throws when they say nothing usable. */
export function sessionSource({ session, sessionUrl, server, key }: VoiceAgentOptions): SessionSource {
  if (key?.startsWith("vak_secret_")) {
    throw new Error("a secret key has no place in a web page; make a publishable one");
  }
  const base = server === undefined ? undefined : folder(server);
  if (session) return { request: session, base };
  if (sessionUrl !== undefined) {
    const url = new URL(sessionUrl, here());
    return { request: (wanted) => requestSession(url, wanted), base };
  }
  const root = base ?? folder("./");
  const headers: Record<string, string> = key ? { Authorization: `Bearer ${key}` } : {};
  return {
    request: (wanted) => requestSession(new URL("v1/sessions", root), wanted, headers),
    base: root,
  };
}

/** An address as a folder, so that paths can be put behind it. */
function folder(address: string | URL): URL {
  const url = new URL(address, here());
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

function here(): string | undefined {
  return globalThis.location?.href;
}
