import { useState, type CSSProperties } from "react";
import type { SessionEvent } from "../wire/views";
import { useNow } from "./data";
import { clock } from "./format";
import { Section } from "./parts";
import {
  describe,
  legsOf,
  millisecondsOf,
  speechOf,
  transportName,
  words,
  type Stretch,
} from "./timeline";

interface Props {
  events: readonly SessionEvent[];
  isRunning: boolean;
}

/** The session's course: who spoke when, over which connection, and what happened. */
export function Course({ events, isRunning }: Props) {
  const now = useNow(isRunning ? 1_000 : 3_600_000);
  const [shownInFull, setShownInFull] = useState(false);
  const [first, last] = [events[0], events.at(-1)];
  if (!first || !last) return null;
  const begin = millisecondsOf(first);
  const end = isRunning ? Math.max(now, millisecondsOf(last)) : millisecondsOf(last);
  const length_s = Math.max(1, (end - begin) / 1_000);
  const legs = legsOf(events);
  const carried = legs.map((leg): Stretch => {
    const end_s = leg.ended === null ? null : (leg.ended - begin) / 1_000;
    return { begin_s: (leg.began - begin) / 1_000, end_s };
  });
  const shown = events.filter((event) => shownInFull || !describe(event).isDetail);
  return (
    <Section title="Course" aside={<p className="aside">{clock(length_s)}</p>}>
      <div className="lanes" aria-hidden="true">
        <Lane name="Caller" side="user" stretches={speechOf(events, "user")} length_s={length_s} />
        <Lane name="Agent" side="agent" stretches={speechOf(events, "agent")} length_s={length_s} />
        <Lane name="Connection" side="leg" stretches={carried} length_s={length_s} />
      </div>
      <h3>Connections</h3>
      {legs.length === 0 ? (
        <p className="faint">None yet.</p>
      ) : (
        <ol className="legs">
          {legs.map((leg, index) => {
            const before = legs[index - 1];
            return (
              <li key={leg.id}>
                <b>{transportName(leg.transport)}</b>
                {leg.switched ? (
                  <span className="switch">
                    in place of {transportName(leg.switched.was)}: {words(leg.switched.reason)}
                  </span>
                ) : (
                  before && <span className="switch">came back</span>
                )}
                <span className="faint">
                  {clock((leg.began - begin) / 1_000)} –{" "}
                  {leg.ended === null ? "now" : clock((leg.ended - begin) / 1_000)}
                  {leg.reason && `, ${words(leg.reason)}`}
                </span>
              </li>
            );
          })}
        </ol>
      )}
      <div className="events-heading">
        <h3>Events</h3>
        <label className="switch-label">
          <input
            type="checkbox"
            checked={shownInFull}
            onChange={(event) => setShownInFull(event.target.checked)}
          />
          All {events.length}
        </label>
      </div>
      <ol className="events" data-testid="events">
        {shown.map((event) => {
          const { text, tone } = describe(event);
          return (
            <li key={event.number} data-tone={tone}>
              <time dateTime={event.at}>{clock((millisecondsOf(event) - begin) / 1_000)}</time>
              <span>{text}</span>
            </li>
          );
        })}
      </ol>
    </Section>
  );
}

interface LaneProps {
  name: string;
  side: string;
  stretches: Stretch[];
  length_s: number;
}

function Lane({ name, side, stretches, length_s }: LaneProps) {
  return (
    <div>
      <span>{name}</span>
      <div>
        {stretches.map(({ begin_s, end_s }) => (
          <i key={begin_s} data-side={side} style={placed(begin_s, end_s ?? length_s, length_s)} />
        ))}
      </div>
    </div>
  );
}

function placed(begin_s: number, end_s: number, length_s: number): CSSProperties {
  const left = (begin_s / length_s) * 100;
  return { left: `${left}%`, width: `${Math.max(0.4, (end_s / length_s) * 100 - left)}%` };
}
