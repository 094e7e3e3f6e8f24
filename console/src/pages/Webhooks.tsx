import { useState } from "react";
import { pathOf } from "../wire/api";
import type { WebhookRow } from "../wire/views";
import { useAction, useApi, useMay } from "./data";
import { Deliveries } from "./Deliveries";
import { counted } from "./format";
import { Listing, NewForm } from "./Listing";
import { Pager, usePages } from "./Pager";
import { Badge, ConfirmButton, Empty, Field, SecretOnce, Section, Trouble } from "./parts";

const WEBHOOKS = "v1/webhooks";

export function Webhooks() {
  const may = useMay();
  const mayWrite = may("webhooks:write");
  const [secret, setSecret] = useState<string | null>(null);
  const pages = usePages<{ webhooks: WebhookRow[]; next_cursor: string | null }>((cursor) =>
    pathOf(WEBHOOKS, { limit: 50, cursor }),
  );
  const refresh = () => void pages.refresh();
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
            refresh();
          }}
        />
      )}
      <Listing
        items={pages.data?.webhooks}
        error={pages.error}
        onRetry={refresh}
        empty={<Empty title="There are no webhooks yet." />}
      >
        {(webhooks) => (
          <>
            <ul className="webhooks">
              {webhooks.map((webhook) => (
                <Row
                  key={webhook.id}
                  webhook={webhook}
                  mayWrite={mayWrite}
                  onChanged={refresh}
                  onSecret={setSecret}
                />
              ))}
            </ul>
            <Pager pages={pages} shown={counted(webhooks.length, "webhook")} />
          </>
        )}
      </Listing>
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
  const make = async (form: FormData) => {
    const url = String(form.get("url"));
    onMade((await api.send<{ secret: string }>("POST", WEBHOOKS, { url })).secret);
  };
  return (
    <NewForm what="webhook" onMake={make}>
      <Field label="Address" hint="https://…; it is told of the starts, ends and failures of sessions.">
        {(field) => <input {...field} name="url" type="url" required autoFocus />}
      </Field>
    </NewForm>
  );
}
