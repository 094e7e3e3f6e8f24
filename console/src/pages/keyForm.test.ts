import { describe, expect, it } from "vitest";
import { keyOf } from "./keyForm";

function filled(...fields: [string, string][]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  return form;
}

describe("keyOf", () => {
  it("asks for what was chosen and for nothing else", () => {
    const form = filled(
      ["name", " CI "],
      ["scope", "sessions:create"],
      ["scope", "sessions:read"],
      ["max_sessions", ""],
      ["sessions_per_minute", "5"],
      ["expires", ""],
    );
    expect(keyOf("secret", form)).toEqual({
      kind: "secret",
      name: "CI",
      agents: [],
      scopes: ["sessions:create", "sessions:read"],
      sessions_per_minute: 5,
    });
  });

  it("takes the sites of a web page's key line by line", () => {
    const form = filled(["name", "shop"], ["origins", "https://a.test\n\n https://b.test "]);
    expect(keyOf("publishable", form)).toMatchObject({
      origins: ["https://a.test", "https://b.test"],
    });
    expect(keyOf("publishable", form)).not.toHaveProperty("scopes");
  });

  it("lets it hold until the end of the last day", () => {
    const { expires_at } = keyOf("secret", filled(["name", "x"], ["expires", "2030-01-31"]));
    expect(new Date(expires_at as string).getDate()).toBe(31);
    expect(new Date(expires_at as string).getHours()).toBe(23);
  });
});
