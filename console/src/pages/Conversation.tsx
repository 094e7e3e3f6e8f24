import { useEffect, useRef } from "react";
import type { SessionDetail } from "../wire/views";
import { clock } from "./format";
import { Empty, Section } from "./parts";

/** How near to the end counts as reading along, in pixels. */
const NEAR_END = 60;

/** What was said; of the agent's words those that were really heard. */
export function Conversation({ session, hearing }: { session: SessionDetail; hearing: string }) {
  const { transcript, agent, created_at, connected_at } = session;
  const isRunning = session.state !== "ended";
  const begin = Date.parse(connected_at ?? created_at);
  const list = useRef<HTMLOListElement>(null);
  const readsAlong = useRef(true);
  // Who follows a running session sees the newest words, unless he has scrolled back.
  useEffect(() => {
    if (isRunning && readsAlong.current && list.current) {
      list.current.scrollTop = list.current.scrollHeight;
    }
  }, [transcript, hearing, isRunning]);
  return (
    <Section title="Conversation">
      {transcript.length === 0 && !hearing && <Empty title="Nobody has said anything yet." />}
      <ol
        ref={list}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          readsAlong.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
        }}
        className="conversation"
        aria-label="What was said"
        tabIndex={0}
        aria-live="polite"
        aria-relevant="additions"
      >
        {transcript.map((turn, index) => (
          <li key={index} data-side={turn.speaker}>
            <span className="who">
              {turn.speaker === "user" ? "Caller" : agent.name}
              <time dateTime={turn.started_at}>
                {clock((Date.parse(turn.started_at) - begin) / 1_000)}
              </time>
            </span>
            <p>{turn.text ?? <em>Transcripts are not kept.</em>}</p>
            {turn.state === "interrupted" && <small>Cut off here</small>}
            {turn.state === "open" && <small>Speaking…</small>}
          </li>
        ))}
        {hearing && (
          <li data-side="user" data-open="true" aria-hidden="true">
            <span className="who">Caller</span>
            <p>{hearing} …</p>
          </li>
        )}
      </ol>
    </Section>
  );
}
