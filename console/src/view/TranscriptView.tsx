import { useEffect, useRef } from "react";
import { standing, type Entry, type Transcript } from "@voice-agent/client";

/** How near to the end counts as reading along, in pixels. */
const NEAR_END = 80;

/** Both sides' words as they come. Follows the end unless the reader scrolled back. */
export function TranscriptView({
  transcript,
  agentName,
  isHearing,
}: {
  transcript: Transcript;
  agentName: string;
  /** Whether the caller is speaking right now. */
  isHearing: boolean;
}) {
  const list = useRef<HTMLOListElement>(null);
  const readsAlong = useRef(true);

  const toEnd = () => {
    if (readsAlong.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  };
  useEffect(toEnd, [transcript, isHearing]);
  // A notice or a phone's keyboard takes room away: the end stays in sight.
  useEffect(() => {
    const observer = new ResizeObserver(toEnd);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);

  return (
    <ol
      className="transcript"
      ref={list}
      tabIndex={0}
      aria-label="Transcript"
      data-testid="transcript"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        readsAlong.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
      }}
    >
      {transcript.map((entry) => (
        <li
          key={entry.key}
          data-side={entry.kind}
          data-interrupted={entry.kind === "agent" && entry.interrupted}
        >
          <span className="who">{entry.kind === "user" ? "You" : agentName}</span>
          <Words entry={entry} />
        </li>
      ))}
      {isHearing && !isBeingWritten(transcript) && (
        <li data-side="user" aria-hidden="true">
          <p className="hearing">
            <i />
            <i />
            <i />
          </p>
        </li>
      )}
    </ol>
  );
}

/** Whether the caller's words are appearing already; some recognisers send them at the end only. */
function isBeingWritten(transcript: Transcript): boolean {
  const last = transcript.at(-1);
  return last?.kind === "user" && last.partial !== "";
}

function Words({ entry }: { entry: Entry }) {
  if (entry.kind === "user") {
    return (
      <p>
        {entry.text}
        {entry.partial && <span className="partial"> {entry.partial}</span>}
      </p>
    );
  }
  return (
    <>
      <p>
        {entry.segments.map((segment) => {
          const stands = standing(entry, segment);
          return (
            <span key={segment.id} data-standing={stands}>
              {segment.spoken && `${segment.spoken} `}
              {stands === "never said" ? (
                <del>{segment.unspoken}</del>
              ) : (
                <span className="unspoken">{segment.unspoken}</span>
              )}{" "}
            </span>
          );
        })}
      </p>
      {entry.interrupted && (
        <small className="cut">
          {entry.lost ? "The connection was lost here" : "You interrupted here"}
        </small>
      )}
    </>
  );
}
