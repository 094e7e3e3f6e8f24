import { useState, type FormEvent } from "react";
import { pathOf } from "../wire/api";
import { useAction, useApi } from "./data";
import { Section, Trouble } from "./parts";

const LONGEST = 4_000;

/** Words into a running session: as the agent, or as if the caller had typed them. */
export function Speak({ id }: { id: string }) {
  const api = useApi();
  const action = useAction();
  const [side, setSide] = useState<"say" | "messages">("say");
  const [text, setText] = useState("");
  const [sent, setSent] = useState("");
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setSent("");
    const done = await action.run(() =>
      api.send("POST", pathOf("v1/sessions", id, side), { text: text.trim() }),
    );
    if (!done) return;
    setText("");
    setSent(side === "say" ? "The agent says it next." : "Taken as the caller’s turn.");
  };
  return (
    <Section title="Join in">
      <form className="speak" onSubmit={(event) => void send(event)}>
        <fieldset>
          <legend className="visually-hidden">Whose words</legend>
          {(["say", "messages"] as const).map((each) => (
            <label key={each}>
              <input
                type="radio"
                name="side"
                checked={side === each}
                onChange={() => setSide(each)}
              />
              <span>{each === "say" ? "Let the agent say" : "Send as the caller"}</span>
            </label>
          ))}
        </fieldset>
        <div>
          <input
            aria-label="Words"
            value={text}
            maxLength={LONGEST}
            placeholder={side === "say" ? "One moment, please." : "When are you open?"}
            onChange={(event) => setText(event.target.value)}
          />
          <button
            type="submit"
            className="button solid"
            disabled={action.isBusy || text.trim() === ""}
          >
            Send
          </button>
        </div>
        <p role="status" className="faint">
          {sent}
        </p>
        <Trouble error={action.error} />
      </form>
    </Section>
  );
}
