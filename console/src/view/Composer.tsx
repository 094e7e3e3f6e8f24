import { forwardRef, useState, type KeyboardEvent } from "react";
import { SendIcon } from "./icons";

const LONGEST_MESSAGE = 4_000;

interface Props {
  agentName: string;
  onSay: (text: string) => void;
}

/** Typing instead of speaking: Enter sends, Shift+Enter makes a new line. */
export const Composer = forwardRef<HTMLTextAreaElement, Props>(function Composer(
  { agentName, onSay },
  ref,
) {
  const [text, setText] = useState("");
  const send = () => {
    const words = text.trim();
    if (!words) return;
    onSay(words);
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label className="visually-hidden" htmlFor="message">
        Type to {agentName}
      </label>
      <textarea
        id="message"
        ref={ref}
        rows={1}
        maxLength={LONGEST_MESSAGE}
        placeholder="Type instead"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        enterKeyHint="send"
        autoComplete="off"
      />
      <button type="submit" className="icon-button" aria-label="Send" disabled={!text.trim()}>
        <SendIcon />
      </button>
    </form>
  );
});
