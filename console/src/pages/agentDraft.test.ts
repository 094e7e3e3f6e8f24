import { describe, expect, it } from "vitest";
import type { AgentDefinition } from "../wire/views";
import { bodyOf, copyOf, differences, draftOf, EMPTY_DRAFT } from "./agentDraft";

const AGENT: AgentDefinition = {
  id: "frontdesk",
  name: "Front desk",
  language: "en-US",
  greeting: "Hello.",
  instructions: null,
  variables: [{ name: "customer", default: null }],
  knowledge: [{ questions: ["Are you open?", "When?"], answer: "Always." }],
  turn: { stop_s: 0.2, interruptible: true },
  client: { text: true },
  limits: { max_duration_s: 1800 },
  recording: false,
};

describe("a draft", () => {
  it("that nobody changed is the agent", () => {
    expect(bodyOf(draftOf(AGENT))).toEqual(AGENT);
  });

  it("leaves out what is empty", () => {
    const body = bodyOf({
      ...EMPTY_DRAFT,
      id: " a ",
      greeting: "  ",
      knowledge: [
        { questions: "One?\n\n Two? ", answer: " Yes. " },
        { questions: "", answer: "" },
      ],
    });
    expect(body).toMatchObject({ id: "a", greeting: null });
    expect(body["knowledge"]).toEqual([{ questions: ["One?", "Two?"], answer: "Yes." }]);
  });

  it("of a copy has no id yet", () => {
    expect(copyOf(AGENT)).toMatchObject({ id: "", name: "Front desk (copy)", greeting: "Hello." });
  });

  it.each([
    ["{", /not JSON/],
    ["[]", /must be a JSON object/],
    ['{"voice": 1}', /not voice/],
  ])("says what is wrong with %s", (further, message) => {
    expect(() => bodyOf({ ...EMPTY_DRAFT, further })).toThrow(message);
  });
});

describe("differences", () => {
  it("names what was changed", () => {
    expect(differences(AGENT, AGENT)).toEqual([]);
    const changed = { ...AGENT, greeting: "Hi.", turn: { ...AGENT.turn, stop_s: 0.4 } };
    expect(differences(AGENT, changed)).toEqual(["greeting", "turn"]);
  });
});
