import { useState, type CSSProperties } from "react";
import type { SessionDetail } from "../wire/views";
import { clock, milliseconds, shortSeconds } from "./format";
import { Empty, Section } from "./parts";
import { answeredTurns, axisOf, endOf, medianOf, nameOf, type AnsweredTurn } from "./waterfall";

/** How long the caller waited for each answer, and for what. */
export function Waterfall({ session }: { session: SessionDetail }) {
  const turns = answeredTurns(session.latency, session.transcript);
  const [chosen, setChosen] = useState<string | null>(null);
  const axis_s = axisOf(session.latency);
  const median = medianOf(session.latency.map(({ total_s }) => total_s));
  const slowest = Math.max(0, ...session.latency.map(({ total_s }) => total_s));
  const open = chosen ?? turns.at(-1)?.latency.at;
  const keys = [...new Set(turns.flatMap(({ parts }) => parts.map(({ key }) => key)))];
  const begin = Date.parse(session.connected_at ?? session.created_at);
  return (
    <Section
      title="Response times"
      aside={
        median !== null && (
          <p className="aside">
            median <b>{shortSeconds(median)}</b>, slowest <b>{shortSeconds(slowest)}</b>
          </p>
        )
      }
    >
      {turns.length === 0 ? (
        <Empty title="No spoken question was answered yet.">
          What one types is not timed: there is no end of speech to count from.
        </Empty>
      ) : (
        <>
          <p className="legend" aria-hidden="true">
            {keys.map((key) => (
              <span key={key} data-part={key}>
                {nameOf(key)}
              </span>
            ))}
          </p>
          <ol className="waterfall">
            {turns.map((turn) => (
              <Row
                key={turn.latency.at}
                turn={turn}
                at={clock((Date.parse(turn.latency.at) - begin) / 1_000)}
                axis_s={axis_s}
                isOpen={open === turn.latency.at}
                onToggle={(opens) => setChosen(opens ? turn.latency.at : "none")}
              />
            ))}
          </ol>
          <p className="axis" aria-hidden="true">
            <span>end of speech</span>
            <span>{axis_s} s</span>
          </p>
        </>
      )}
    </Section>
  );
}

interface RowProps {
  turn: AnsweredTurn;
  at: string;
  axis_s: number;
  isOpen: boolean;
  onToggle: (opens: boolean) => void;
}

function Row({ turn, at, axis_s, isOpen, onToggle }: RowProps) {
  const { parts, latency, question } = turn;
  return (
    <li data-testid="answer">
      <button type="button" aria-expanded={isOpen} onClick={() => onToggle(!isOpen)}>
        <time>{at}</time>
        <span className="question">{question ?? "A spoken turn"}</span>
        <b data-testid="total">{milliseconds(latency.total_s)}</b>
        <span className="bar" aria-hidden="true">
          {parts.map(({ key, begins_s, lasts_s }) => (
            <i key={key} data-part={key} style={placed(begins_s, lasts_s, axis_s)} />
          ))}
        </span>
      </button>
      {isOpen && (
        <table className="steps">
          <caption className="visually-hidden">What this answer waited for</caption>
          <thead className="visually-hidden">
            <tr>
              <th scope="col">Until</th>
              <th scope="col">Waited</th>
              <th scope="col">After the end of speech</th>
            </tr>
          </thead>
          <tbody>
            {parts.map(({ key, begins_s, lasts_s }) => (
              <tr key={key}>
                <th scope="row">{endOf(key)}</th>
                <td className="number" data-testid="part">
                  {milliseconds(lasts_s)}
                </td>
                <td>
                  <span className="track">
                    <i data-part={key} style={placed(begins_s, lasts_s, latency.total_s)} />
                  </span>
                  <span className="visually-hidden">{milliseconds(begins_s + lasts_s)}</span>
                </td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">The whole wait</th>
              <td className="number">{milliseconds(latency.total_s)}</td>
              <td />
            </tr>
          </tfoot>
        </table>
      )}
    </li>
  );
}

function placed(begins_s: number, lasts_s: number, axis_s: number): CSSProperties {
  return { left: `${(begins_s / axis_s) * 100}%`, width: `${(lasts_s / axis_s) * 100}%` };
}
