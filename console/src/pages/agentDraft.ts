import type { AgentDefinition, AgentDetail, KnowledgeEntry } from "../wire/views";

/** An agent while it is edited: everything as the fields of the form have it. */
export interface AgentDraft {
  id: string;
  name: string;
  language: string;
  greeting: string;
  instructions: string;
  recording: boolean;
  knowledge: { questions: string; answer: string }[];
  /** The rest, as JSON. */
  further: string;
}

const FURTHER = ["variables", "turn", "client", "limits"] as const;

export const EMPTY_DRAFT: AgentDraft = {
  id: "",
  name: "",
  language: "en-US",
  greeting: "",
  instructions: "",
  recording: false,
  knowledge: [],
  further: "{}",
};

export function draftOf(agent: AgentDefinition): AgentDraft {
  const further = Object.fromEntries(FURTHER.map((name) => [name, agent[name]]));
  return {
    id: agent.id,
    name: agent.name,
    language: agent.language,
    greeting: agent.greeting ?? "",
    instructions: agent.instructions ?? "",
    recording: agent.recording,
    knowledge: agent.knowledge.map(({ questions, answer }) => ({
      questions: questions.join("\n"),
      answer,
    })),
    further: JSON.stringify(further, null, 2),
  };
}

/** A draft of a new agent that begins as a copy of another. */
export function copyOf(agent: AgentDefinition): AgentDraft {
  return { ...draftOf(agent), id: "", name: `${agent.name} (copy)` };
}

/**
 * What to send to the server, which checks it.
 *
 * @throws Error in words for who edits, when the JSON is none.
 */
export function bodyOf(draft: AgentDraft): Record<string, unknown> {
  return {
    ...furtherOf(draft.further),
    id: draft.id.trim(),
    name: draft.name,
    language: draft.language.trim(),
    greeting: draft.greeting.trim() || null,
    instructions: draft.instructions.trim() || null,
    recording: draft.recording,
    knowledge: draft.knowledge.map(entryOf).filter(({ questions, answer }) => {
      return questions.length > 0 || answer !== "";
    }),
  };
}

function entryOf({ questions, answer }: AgentDraft["knowledge"][number]): KnowledgeEntry {
  const asked = questions.split("\n").map((line) => line.trim());
  return { questions: asked.filter(Boolean), answer: answer.trim() };
}

function furtherOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() || "{}");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`“Further settings” is not JSON: ${why}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("“Further settings” must be a JSON object: { … }");
  }
  const unknown = Object.keys(value).filter((name) => !FURTHER.some((known) => known === name));
  if (unknown.length > 0) {
    throw new Error(`“Further settings” may hold ${FURTHER.join(", ")}, not ${unknown.join(", ")}.`);
  }
  return value as Record<string, unknown>;
}

const FIELDS = [
  "name",
  "language",
  "greeting",
  "instructions",
  "recording",
  "knowledge",
  ...FURTHER,
] as const;

/** The fields in which two definitions of an agent differ. */
export function differences(one: AgentDefinition, other: AgentDefinition): string[] {
  return FIELDS.filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
}

/** The definition alone, without what the server adds in a list. */
export function definitionOf({ version: _, origin: __, ...definition }: AgentDetail): AgentDefinition {
  return definition;
}
