/**
 * A site of your own whose visitors talk to an agent: it serves a page, and makes the session for
 * it. The secret key stays here; the page gets nothing but the session's token.
 *
 *     VOICE_AGENT_URL=https://voice.example.com VOICE_AGENT_KEY=vak_secret_… node server.mjs
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const server = new URL(process.env.VOICE_AGENT_URL ?? "http://localhost:7860/");
const key = process.env.VOICE_AGENT_KEY;
const port = Number(process.env.PORT ?? 3000);
const LONGEST_BODY = 10_000;

const site = createServer(async (request, response) => {
  try {
    if (request.method === "GET" && request.url === "/") await servePage(response);
    else if (request.method === "POST" && request.url === "/session") await makeSession(request, response);
    else answer(response, 404, { detail: "there is nothing here" });
  } catch (error) {
    console.error(error);
    answer(response, 502, { detail: "the voice server does not answer" });
  }
});

async function servePage(response) {
  const page = await readFile(new URL("index.html", import.meta.url), "utf8");
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
  response.end(page.replaceAll("VOICE_AGENT_URL", server.href.replace(/\/$/, "")));
}

async function makeSession(request, response) {
  // Another site's page must not use your visitors' browsers to call. This is also the place to
  // ask who the visitor is, and how often he may call.
  if (request.headers["sec-fetch-site"] !== "same-origin") {
    return answer(response, 403, { detail: "sessions are for pages of this site" });
  }
  const wanted = await readJson(request);
  if (wanted === null) return answer(response, 400, { detail: "the body must be JSON" });
  const made = await fetch(new URL("v1/sessions", server), {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(key && { Authorization: `Bearer ${key}` }),
    },
    // How to connect is for the browser to say; which agent, and what it knows, is for you.
    body: JSON.stringify({
      agent: "frontdesk",
      transport: wanted.transport,
      client: wanted.client,
      metadata: { page: "example" },
    }),
    signal: AbortSignal.timeout(10_000),
  });
  answer(response, made.status, await made.json());
}

async function readJson(request) {
  let body = "";
  for await (const chunk of request) {
    body += chunk;
    if (body.length > LONGEST_BODY) return null;
  }
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function answer(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(body));
}

site.listen(port, "127.0.0.1", () => console.log(`open http://localhost:${site.address().port}/`));
