const QUESTIONS = [
  "What are your opening hours on Saturday?",
  "Where can I park?",
  "What is this software?",
];

/** Things to ask, for who does not know how to begin. A click asks in writing. */
export function Suggestions({ onAsk }: { onAsk: (question: string) => void }) {
  return (
    <div className="suggestions">
      <h2>Try asking</h2>
      <ul>
        {QUESTIONS.map((question) => (
          <li key={question}>
            <button type="button" onClick={() => onAsk(question)}>
              {question}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
