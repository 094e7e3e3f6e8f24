import { addressOf, go } from "../view/route";
import { pathOf } from "../wire/api";
import type { AgentRow, SessionPage, SessionRow } from "../wire/views";
import { useApi, useMay, useNow, useRemote } from "./data";
import { clock, counted } from "./format";
import { ActionsHead, Listing } from "./Listing";
import { Pager, usePages } from "./Pager";
import { Ago, ConfirmButton, Empty, Field, Heading, Table } from "./parts";
import { StateBadge } from "./StateBadge";
import { filterOf, FIRST_PAGE, queryOf, sessionsPath, type SessionFilter } from "./sessionList";
import { words } from "./timeline";

const REFRESH_MS = 3_000;

export function Sessions({ query }: { query: string }) {
  const api = useApi();
  const may = useMay();
  const filter = filterOf(query);
  const pages = usePages<SessionPage>((cursor) => sessionsPath(filter, cursor), REFRESH_MS);
  const { data } = pages;
  const agents = useRemote<{ agents: AgentRow[] }>("v1/agents").data?.agents ?? [];

  const choose = (change: Partial<SessionFilter>) => {
    pages.turnTo(FIRST_PAGE);
    go({ page: "sessions", query: queryOf({ ...filter, ...change }) }, { replace: true });
  };
  const end = async (session: SessionRow) => {
    await api.send("DELETE", pathOf("v1/sessions", session.session_id));
    await pages.refresh();
  };

  return (
    <>
      <Heading title="Sessions" />
      <form className="filters" aria-label="Filter" onSubmit={(event) => event.preventDefault()}>
        <Field label="State">
          {(field) => (
            <select
              {...field}
              value={filter.state}
              onChange={(event) => choose({ state: event.target.value })}
            >
              <option value="">Any</option>
              <option value="connected">Connected</option>
              <option value="suspended">Suspended</option>
              <option value="created">Waiting for its client</option>
              <option value="ended">Ended</option>
            </select>
          )}
        </Field>
        <Field label="Agent">
          {(field) => (
            <select
              {...field}
              value={filter.agent}
              onChange={(event) => choose({ agent: event.target.value })}
            >
              <option value="">Any</option>
              {filter.agent && !agents.some(({ id }) => id === filter.agent) && (
                <option value={filter.agent}>{filter.agent}</option>
              )}
              {agents.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        {(["from", "to"] as const).map((end) => (
          <Field key={end} label={end === "from" ? "From" : "To"}>
            {(field) => (
              <input
                {...field}
                type="date"
                value={filter[end]}
                onChange={(event) => choose({ [end]: event.target.value })}
              />
            )}
          </Field>
        ))}
        {queryOf(filter) && (
          <button
            type="button"
            className="button"
            onClick={() => choose({ state: "", agent: "", from: "", to: "" })}
          >
            Show all
          </button>
        )}
      </form>
      <Listing
        items={data?.sessions}
        error={pages.error}
        onRetry={() => void pages.refresh()}
        empty={
          <Empty title={queryOf(filter) ? "No session is like that." : "No sessions yet."}>
            {!queryOf(filter) && (
              <>
                <a href={addressOf({ page: "talk" })}>Talk to an agent</a>, and the conversation
                stands here.
              </>
            )}
          </Empty>
        }
      >
        {(sessions) => (
          <Table name="Sessions, newest first">
            <thead>
              <tr>
                <th scope="col">Agent</th>
                <th scope="col">State</th>
                <th scope="col">Started</th>
                <th scope="col" className="number">
                  Duration
                </th>
                <th scope="col" className="number wide">
                  Turns
                </th>
                <th scope="col" className="number wide">
                  Connections
                </th>
                <th scope="col" className="wide">
                  Ended because
                </th>
                <ActionsHead />
              </tr>
            </thead>
            <tbody>
              {sessions.map((session) => (
                <Row
                  key={session.session_id}
                  session={session}
                  {...(may("sessions:write") && { onEnd: () => end(session) })}
                />
              ))}
            </tbody>
          </Table>
        )}
      </Listing>
      {data && (
        <Pager
          pages={pages}
          shown={`Page ${pages.trail.length + 1}: ${counted(data.sessions.length, "session")}`}
        />
      )}
    </>
  );
}

function Row({ session, onEnd }: { session: SessionRow; onEnd?: () => Promise<void> }) {
  const now = useNow(1_000);
  const { session_id: id, agent, connected_at, ended_at } = session;
  const until = ended_at ? Date.parse(ended_at) : now;
  return (
    <tr>
      <th scope="row">
        <a href={addressOf({ page: "session", id })}>{agent.name}</a>
        <small className="mono wide">{id}</small>
      </th>
      <td>
        <StateBadge state={session.state} />
      </td>
      <td>
        <Ago at={session.created_at} />
      </td>
      <td className="number">
        {connected_at ? clock((until - Date.parse(connected_at)) / 1_000) : "–"}
      </td>
      <td className="number wide">{session.turns}</td>
      <td className="number wide">{session.legs}</td>
      <td className="wide">{session.end_reason ? words(session.end_reason) : "–"}</td>
      <td className="action">
        {onEnd && session.state !== "ended" && (
          <ConfirmButton
            name="End"
            label={`End the session with ${agent.name}`}
            title="End this session?"
            text="The agent hangs up. Who is in the call is cut off."
            onConfirm={onEnd}
          />
        )}
      </td>
    </tr>
  );
}
