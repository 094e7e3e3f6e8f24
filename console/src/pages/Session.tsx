import { useEffect, useMemo, useRef, useState } from "react";
import { addressOf, go } from "../view/route";
import { pathOf } from "../wire/api";
import { followEvents } from "../wire/sessionEvents";
import type { SessionDetail, SessionEvent } from "../wire/views";
import { Conversation } from "./Conversation";
import { Course } from "./Course";
import { useApi, useMay, useNow, useRemote } from "./data";
import { clock, counted } from "./format";
import { Ago, ConfirmButton, CopyButton, Heading, Loading, Section, Trouble } from "./parts";
import { Recordings } from "./Recordings";
import { Speak } from "./Speak";
import { StateBadge } from "./StateBadge";
import { hearingOf, legsOf, withEvent, words } from "./timeline";
import { Waterfall } from "./Waterfall";

const REFRESH_MS = 10_000;
/** So many events come with a session; the rest is asked for like those to come. */
const TIMELINE_LIMIT = 1_000;
/** So many events of a burst are answered with one look at the session. */
const SETTLE_MS = 250;
const TELLS_NOTHING_NEW = new Set(["transcript_received", "speaking_started", "speaking_stopped"]);

export function SessionPage({ id }: { id: string }) {
  const api = useApi();
  const may = useMay();
  const path = pathOf("v1/sessions", id);
  const { data, error, mutate } = useRemote<SessionDetail>(path, REFRESH_MS);
  const events = useEvents(id, data, () => void mutate());

  const heading = (
    <Heading
      title={data ? `Session with ${data.agent.name}` : "Session"}
      back={{ to: addressOf({ page: "sessions", query: "" }), name: "Sessions" }}
      beside={data && <StateBadge state={data.state} />}
    >
      {data?.state === "ended" && may("sessions:erase") && (
        <ConfirmButton
          name="Erase"
          title="Erase this session?"
          text="Transcript, events, recordings and messages to webhooks are forgotten. That cannot be undone."
          onConfirm={async () => {
            await api.send("DELETE", `${path}?erase=true`);
            go({ page: "sessions", query: "" });
          }}
        />
      )}
      {data && data.state !== "ended" && may("sessions:write") && (
        <ConfirmButton
          name="End session"
          title="End this session?"
          text="The agent hangs up. Who is in the call is cut off."
          onConfirm={async () => {
            await api.send("DELETE", path);
            await mutate();
          }}
        />
      )}
    </Heading>
  );
  if (!data) {
    return (
      <>
        {heading}
        <Trouble error={error} onRetry={() => void mutate()} />
        {!error && <Loading />}
      </>
    );
  }
  const isRunning = data.state !== "ended";
  return (
    <>
      {heading}
      <Trouble error={error} onRetry={() => void mutate()} />
      <Facts session={data} />
      <div className="columns">
        <div>
          <Conversation session={data} hearing={isRunning ? hearingOf(events) : ""} />
          {data.state === "connected" && may("sessions:write") && <Speak id={id} />}
          <Recordings session={data} />
          {Object.keys(data.metadata).length > 0 && (
            <Section title="Metadata">
              <pre tabIndex={0}>{JSON.stringify(data.metadata, null, 2)}</pre>
            </Section>
          )}
        </div>
        <div>
          <Waterfall session={data} />
          <Course events={events} isRunning={isRunning} />
        </div>
      </div>
    </>
  );
}

/** The events of a session: those it came with, and of a running one those that come. */
function useEvents(
  id: string,
  session: SessionDetail | undefined,
  onNews: () => void,
): readonly SessionEvent[] {
  const api = useApi();
  const [live, setLive] = useState<readonly SessionEvent[]>([]);
  const known = session?.timeline ?? [];
  const last = useRef(0);
  last.current = known.at(-1)?.number ?? 0;
  const tell = useRef(onNews);
  tell.current = onNews;
  const isCut = known.length >= TIMELINE_LIMIT;
  const follows = session !== undefined && (session.state !== "ended" || isCut);

  useEffect(() => {
    if (!follows) return;
    const leaving = new AbortController();
    let settling = 0;
    const onEvent = (event: SessionEvent) => {
      setLive((events) => withEvent(events, event));
      if (TELLS_NOTHING_NEW.has(event.type)) return;
      window.clearTimeout(settling);
      settling = window.setTimeout(() => tell.current(), SETTLE_MS);
    };
    followEvents(api, id, last.current, { onEvent, signal: leaving.signal })
      .catch(() => undefined)
      .finally(() => !leaving.signal.aborted && tell.current());
    return () => {
      window.clearTimeout(settling);
      leaving.abort();
    };
  }, [api, id, follows]);

  return useMemo(() => live.reduce(withEvent, known), [live, known]);
}

function Facts({ session }: { session: SessionDetail }) {
  const now = useNow(1_000);
  const { session_id, agent, created_at, connected_at, ended_at, end_reason } = session;
  const until = ended_at ? Date.parse(ended_at) : now;
  const hasSwitched = legsOf(session.timeline).some(({ switched }) => switched !== null);
  return (
    <dl className="facts">
      <div>
        <dt>Agent</dt>
        <dd>
          <a href={addressOf({ page: "agent", id: agent.id })}>{agent.name}</a>
        </dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>
          <Ago at={created_at} />
        </dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd>{connected_at ? clock((until - Date.parse(connected_at)) / 1_000) : "never connected"}</dd>
      </div>
      <div>
        <dt>Turns</dt>
        <dd>{session.turns}</dd>
      </div>
      <div>
        <dt>Carried by</dt>
        <dd>
          {counted(session.legs, "connection")}
          {hasSwitched && ", switched"}
        </dd>
      </div>
      {end_reason && (
        <div>
          <dt>Ended because</dt>
          <dd>{words(end_reason)}</dd>
        </div>
      )}
      <div className="id">
        <dt>Id</dt>
        <dd>
          <code>{session_id}</code>
          <CopyButton text={session_id} />
        </dd>
      </div>
    </dl>
  );
}
