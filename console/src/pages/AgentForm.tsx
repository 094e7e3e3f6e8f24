import type { FormEvent, ReactNode } from "react";
import type { AgentDraft } from "./agentDraft";
import { Field, Section } from "./parts";

interface Props {
  draft: AgentDraft;
  /** Otherwise it is only shown. */
  mayEdit: boolean;
  /** Its id is still to be chosen. */
  isNew?: boolean;
  onChange: (draft: AgentDraft) => void;
  onSubmit: () => void;
  /** What stands at the end: buttons. */
  children: ReactNode;
}

/** An agent, field by field; the server checks what is sent. */
export function AgentForm({ draft, mayEdit, isNew, onChange, onSubmit, children }: Props) {
  const set = (change: Partial<AgentDraft>) => onChange({ ...draft, ...change });
  const readOnly = !mayEdit;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className="agent-form" onSubmit={submit}>
      <Section title="What it is">
        <div className="row">
          {isNew && (
            <Field label="Id" hint="Small letters, digits, - and _. It stays.">
              {(field) => (
                <input
                  {...field}
                  required
                  pattern="[a-z0-9][a-z0-9_\-]*"
                  maxLength={64}
                  value={draft.id}
                  onChange={(event) => set({ id: event.target.value })}
                />
              )}
            </Field>
          )}
          <Field label="Name">
            {(field) => (
              <input
                {...field}
                required
                readOnly={readOnly}
                maxLength={200}
                value={draft.name}
                onChange={(event) => set({ name: event.target.value })}
              />
            )}
          </Field>
          <Field label="Language" hint="en-US, de-DE, …">
            {(field) => (
              <input
                {...field}
                required
                readOnly={readOnly}
                maxLength={6}
                value={draft.language}
                onChange={(event) => set({ language: event.target.value })}
              />
            )}
          </Field>
        </div>
        <Field label="Greeting" hint="Said first. Without one the agent waits to be spoken to.">
          {(field) => (
            <textarea
              {...field}
              rows={2}
              readOnly={readOnly}
              value={draft.greeting}
              onChange={(event) => set({ greeting: event.target.value })}
            />
          )}
        </Field>
        <Field label="Instructions" hint="For a language model; {name} is filled by variables.">
          {(field) => (
            <textarea
              {...field}
              rows={6}
              readOnly={readOnly}
              value={draft.instructions}
              onChange={(event) => set({ instructions: event.target.value })}
            />
          )}
        </Field>
        <label className="switch-label">
          <input
            type="checkbox"
            checked={draft.recording}
            disabled={readOnly}
            onChange={(event) => set({ recording: event.target.checked })}
          />
          Record its calls, where the operator allows that
        </label>
      </Section>
      <Knowledge draft={draft} readOnly={readOnly} set={set} />
      <Section title="Further settings">
        <Field label="Turn-taking, permissions, limits and variables, as JSON">
          {(field) => (
            <textarea
              {...field}
              className="mono"
              rows={8}
              spellCheck={false}
              readOnly={readOnly}
              value={draft.further}
              onChange={(event) => set({ further: event.target.value })}
            />
          )}
        </Field>
      </Section>
      {mayEdit && <div className="save">{children}</div>}
    </form>
  );
}

interface KnowledgeProps {
  draft: AgentDraft;
  readOnly: boolean;
  set: (change: Partial<AgentDraft>) => void;
}

function Knowledge({ draft, readOnly, set }: KnowledgeProps) {
  const { knowledge } = draft;
  const setEntry = (index: number, change: Partial<(typeof knowledge)[number]>) =>
    set({ knowledge: knowledge.map((one, at) => (at === index ? { ...one, ...change } : one)) });
  return (
    <Section
      title="Knowledge"
      aside={<p className="aside">{knowledge.length === 0 ? "none" : knowledge.length}</p>}
    >
      {knowledge.length === 0 && (
        <p className="faint">What it can answer without a language model, and what grounds one.</p>
      )}
      <ol className="knowledge">
        {knowledge.map((entry, index) => (
          <li key={index}>
            <textarea
              aria-label={`Questions of entry ${index + 1}, one a line`}
              placeholder="Ways to ask, one a line"
              rows={Math.min(8, Math.max(2, entry.questions.split("\n").length))}
              readOnly={readOnly}
              value={entry.questions}
              onChange={(event) => setEntry(index, { questions: event.target.value })}
            />
            <textarea
              aria-label={`Answer of entry ${index + 1}`}
              placeholder="What to say"
              rows={2}
              readOnly={readOnly}
              value={entry.answer}
              onChange={(event) => setEntry(index, { answer: event.target.value })}
            />
            {!readOnly && (
              <button
                type="button"
                className="button"
                aria-label={`Remove entry ${index + 1}`}
                onClick={() => set({ knowledge: knowledge.filter((_, at) => at !== index) })}
              >
                Remove
              </button>
            )}
          </li>
        ))}
      </ol>
      {!readOnly && (
        <button
          type="button"
          className="button"
          onClick={() => set({ knowledge: [...knowledge, { questions: "", answer: "" }] })}
        >
          Add an entry
        </button>
      )}
    </Section>
  );
}
