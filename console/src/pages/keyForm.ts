import type { KeyRow } from "../wire/views";

/** What to send for a new key; what was left empty stays away. */
export function keyOf(kind: KeyRow["kind"], form: FormData): Record<string, unknown> {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const count = (name: string) => (text(name) ? { [name]: Number(text(name)) } : {});
  const expires = text("expires");
  return {
    kind,
    name: text("name"),
    agents: form.getAll("agent"),
    ...(kind === "secret" ? { scopes: form.getAll("scope") } : { origins: lines(text("origins")) }),
    ...count("max_sessions"),
    ...count("sessions_per_minute"),
    // To the end of that day, where the browser is.
    ...(expires && { expires_at: new Date(`${expires}T23:59:59`).toISOString() }),
  };
}

export function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
