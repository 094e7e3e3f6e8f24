import { describe, expect, it } from "vitest";
import { embedOptions } from "./options";

describe("embedOptions", () => {
  it("takes the server that the script came from", () => {
    const { client } = embedOptions({}, "https://voice.test/below/embed.js");
    expect(client).toEqual({ server: "https://voice.test/below/" });
  });

  it("takes what the tag says", () => {
    const data = { server: "https://voice.test/", key: "vak_public_x", agent: "frontdesk", corner: "left" };
    expect(embedOptions(data, "https://cdn.test/embed.js")).toEqual({
      client: { server: "https://voice.test/", key: "vak_public_x", agent: "frontdesk" },
      label: "Talk to us",
      corner: "left",
    });
  });
});
