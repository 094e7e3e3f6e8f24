import { addressOf } from "../view/route";
import { pathOf } from "../wire/api";
import type { DeliveryRow } from "../wire/views";
import { useAction, useApi } from "./data";
import { counted } from "./format";
import { ActionsHead, Listing } from "./Listing";
import { Pager, usePages } from "./Pager";
import { Ago, Badge, Empty, Table, type Tone } from "./parts";

const TONES: Record<DeliveryRow["state"], Tone> = {
  delivered: "good",
  pending: "busy",
  failed: "bad",
};

const REFRESH_MS = 3_000;

/** Is of no session. */
const TEST = "webhook.test";

/** What was sent to a webhook, and what became of it. */
export function Deliveries({ path, mayWrite }: { path: string; mayWrite: boolean }) {
  const pages = usePages<{ deliveries: DeliveryRow[]; next_cursor: string | null }>(
    (cursor) => pathOf(`${path}/deliveries`, { limit: 10, cursor }),
    REFRESH_MS,
  );
  const refresh = () => void pages.refresh();
  return (
    <Listing
      items={pages.data?.deliveries}
      error={pages.error}
      onRetry={refresh}
      empty={<Empty title="Nothing was sent yet." />}
    >
      {(deliveries) => (
        <>
          <Table name="Messages, newest first">
            <thead>
              <tr>
                <th scope="col">Event</th>
                <th scope="col">State</th>
                <th scope="col">Attempts</th>
                <ActionsHead />
              </tr>
            </thead>
            <tbody>
              {deliveries.map((delivery) => (
                <Row
                  key={delivery.id}
                  delivery={delivery}
                  path={path}
                  mayWrite={mayWrite}
                  onChanged={refresh}
                />
              ))}
            </tbody>
          </Table>
          <Pager pages={pages} shown={counted(deliveries.length, "message")} />
        </>
      )}
    </Listing>
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
