import { useState } from "react";
import { addressOf } from "../view/route";
import { pathOf } from "../wire/api";
import type { DeliveryRow } from "../wire/views";
import { useAction, useApi, useRemote } from "./data";
import { counted } from "./format";
import { Ago, Badge, Empty, Loading, Table, Trouble, type Tone } from "./parts";
import { Pager } from "./Pager";
import { cursorOf, FIRST_PAGE } from "./sessionList";

const TONES: Record<DeliveryRow["state"], Tone> = {
  delivered: "good",
  pending: "busy",
  failed: "bad",
};

/** Is of no session. */
const TEST = "webhook.test";

/** What was sent to a webhook, and what became of it. */
export function Deliveries({ path, mayWrite }: { path: string; mayWrite: boolean }) {
  const [trail, setTrail] = useState(FIRST_PAGE);
  const { data, error, mutate } = useRemote<{
    deliveries: DeliveryRow[];
    next_cursor: string | null;
  }>(pathOf(`${path}/deliveries`, { limit: 10, cursor: cursorOf(trail) }), 3_000);
  return (
    <>
      <Trouble error={error} onRetry={() => void mutate()} />
      {!data && !error && <Loading />}
      {data?.deliveries.length === 0 && <Empty title="Nothing was sent yet." />}
      {data && data.deliveries.length > 0 && (
        <>
          <Table name="Messages, newest first">
            <thead>
              <tr>
                <th scope="col">Event</th>
                <th scope="col">State</th>
                <th scope="col">Attempts</th>
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.deliveries.map((delivery) => (
                <Row
                  key={delivery.id}
                  delivery={delivery}
                  path={path}
                  mayWrite={mayWrite}
                  onChanged={() => void mutate()}
                />
              ))}
            </tbody>
          </Table>
          <Pager
            trail={trail}
            nextCursor={data.next_cursor}
            shown={counted(data.deliveries.length, "message")}
            onTurn={setTrail}
          />
        </>
      )}
    </>
  );
}

interface RowProps {
  delivery: DeliveryRow;
  path: string;
  mayWrite: boolean;
  onChanged: () => void;
}

function Row({ delivery, path, mayWrite, onChanged }: RowProps) {
  const api = useApi();
  const action = useAction();
  const { id, event, session_id, state, attempts, last_status, last_error, created_at } = delivery;
  const retry = () =>
    action.run(async () => {
      await api.send("POST", pathOf(`${path}/deliveries`, id, "retry"));
      onChanged();
    });
  return (
    <tr>
      <th scope="row">
        {event}
        <small>
          <Ago at={created_at} />
          {event !== TEST && (
            <>
              , <a href={addressOf({ page: "session", id: session_id })}>its session</a>
            </>
          )}
        </small>
      </th>
      <td>
        <Badge tone={TONES[state]}>{state}</Badge>
      </td>
      <td className="scopes">
        {attempts}
        <small>{last_error ?? (last_status !== null && `answered ${last_status}`)}</small>
      </td>
      <td className="action">
        {mayWrite && (
          <button
            type="button"
            className="button"
            disabled={action.isBusy}
            onClick={() => void retry()}
          >
            {action.error ? "Did not work" : "Send again"}
          </button>
        )}
      </td>
    </tr>
  );
}
