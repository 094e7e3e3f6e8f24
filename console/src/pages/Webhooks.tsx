import { useState, type FormEvent } from "react";
import { pathOf } from "../wire/api";
import type { WebhookRow } from "../wire/views";
import { useAction, useApi, useMay, useRemote } from "./data";
import { Deliveries } from "./Deliveries";
import { counted } from "./format";
import {
  Badge,
  ConfirmButton,
  Empty,
  Field,
  Loading,
  SecretOnce,
  Section,
  Trouble,
} from "./parts";
import { Pager } from "./Pager";
import { cursorOf, FIRST_PAGE } from "./sessionList";

const WEBHOOKS = "v1/webhooks";

export function Webhooks() {
  const may = useMay();
  const mayWrite = may("webhooks:write");
  const [trail, setTrail] = useState(FIRST_PAGE);
  const [secret, setSecret] = useState<string | null>(null);
  const { data, error, mutate } = useRemote<{ webhooks: WebhookRow[]; next_cursor: string | null }>(
    pathOf(WEBHOOKS, { limit: 50, cursor: cursorOf(trail) }),
  );
  return (
    <Section title="Webhooks">
      <p className="faint">Servers of yours that are told when sessions start, end or fail.</p>
      {secret && (
        <SecretOnce
          what="The webhook’s secret, which signs what is sent"
          secret={secret}
          onDone={() => setSecret(null)}
        />
      )}
      {mayWrite && (
        <NewWebhook
          onMade={(made) => {
            setSecret(made);
            void mutate();
          }}
        />
      )}
      <Trouble error={error} onRetry={() => void mutate()} />
      {!data && !error && <Loading />}
      {data?.webhooks.length === 0 && <Empty title="There are no webhooks yet." />}
      {data && data.webhooks.length > 0 && (
        <>
          <ul className="webhooks">
            {data.webhooks.map((webhook) => (
              <Row
                key={webhook.id}
                webhook={webhook}
                mayWrite={mayWrite}
                onChanged={() => void mutate()}
                onSecret={setSecret}
              />
            ))}
          </ul>
          <Pager
            trail={trail}
            nextCursor={data.next_cursor}
            shown={counted(data.webhooks.length, "webhook")}
            onTurn={setTrail}
          />
        </>
      )}
    </Section>
  );
}

interface RowProps {
  webhook: WebhookRow;
  mayWrite: boolean;
  onChanged: () => void;
  onSecret: (secret: string) => void;
}

function Row({ webhook, mayWrite, onChanged, onSecret }: RowProps) {
  const api = useApi();
  const action = useAction();
  const [isOpen, setOpen] = useState(false);
  const path = pathOf(WEBHOOKS, webhook.id);
  const test = async () => {
    if (await action.run(() => api.send("POST", `${path}/test`))) setOpen(true);
  };
  const turn = () =>
    action.run(async () => {
      await api.send("PATCH", path, { enabled: !webhook.enabled });
      onChanged();
    });
  return (
    <li className="webhook">
      <div>
        <h3>{webhook.url}</h3>
        <Badge tone={webhook.enabled ? "good" : "quiet"}>{webhook.enabled ? "on" : "off"}</Badge>
      </div>
      <p className="faint">{webhook.events.join(", ")}</p>
      <div className="actions">
        <button
          type="button"
          className="button"
          aria-expanded={isOpen}
          onClick={() => setOpen(!isOpen)}
        >
          Messages
        </button>
        {mayWrite && (
          <>
            <button
              type="button"
              className="button"
              disabled={action.isBusy}
              onClick={() => void test()}
            >
              Send a test
            </button>
            <button
              type="button"
              className="button"
              disabled={action.isBusy}
              onClick={() => void turn()}
            >
              Turn {webhook.enabled ? "off" : "on"}
            </button>
            <ConfirmButton
              name="New secret"
              label={`New secret for ${webhook.url}`}
              title="Sign with a new secret?"
              text="From now on the old one is not used any more."
              onConfirm={async () => {
                const { secret } = await api.send<{ secret: string }>(
                  "POST",
                  `${path}/rotate-secret`,
                );
                onSecret(secret);
              }}
            />
            <ConfirmButton
              name="Delete"
              label={`Delete the webhook to ${webhook.url}`}
              title="Delete this webhook?"
              text={`Nothing is sent to ${webhook.url} any more.`}
              onConfirm={async () => {
                await api.send("DELETE", path);
                onChanged();
              }}
            />
          </>
        )}
      </div>
      <Trouble error={action.error} />
      {isOpen && <Deliveries path={path} mayWrite={mayWrite} />}
    </li>
  );
}

function NewWebhook({ onMade }: { onMade: (secret: string) => void }) {
  const api = useApi();
  const action = useAction();
  const [isOpen, setOpen] = useState(false);
  const create = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const url = String(new FormData(event.currentTarget).get("url"));
    await action.run(async () => {
      onMade((await api.send<{ secret: string }>("POST", WEBHOOKS, { url })).secret);
      setOpen(false);
    });
  };
  if (!isOpen) {
    return (
      <button type="button" className="button solid" onClick={() => setOpen(true)}>
        New webhook
      </button>
    );
  }
  return (
    <form className="inset" aria-label="New webhook" onSubmit={(event) => void create(event)}>
      <Field label="Address" hint="https://…; it is told of the starts, ends and failures of sessions.">
        {(field) => <input {...field} name="url" type="url" required autoFocus />}
      </Field>
      <Trouble error={action.error} />
      <div className="actions">
        <button type="button" className="button" onClick={() => setOpen(false)}>
          Cancel
        </button>
        <button type="submit" className="button solid" disabled={action.isBusy}>
          Make the webhook
        </button>
      </div>
    </form>
  );
}
