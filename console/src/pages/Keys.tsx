import { useState } from "react";
import { pathOf } from "../wire/api";
import type { AgentRow, KeyRow, Whoever } from "../wire/views";
import { useApi, useMay, useRemote } from "./data";
import { counted } from "./format";
import { keyOf } from "./keyForm";
import { ActionsHead, Listing, NewForm } from "./Listing";
import { Pager, usePages } from "./Pager";
import { Ago, Badge, ConfirmButton, Empty, Field, SecretOnce, Section, Table } from "./parts";

const KEYS = "v1/keys";

export function Keys() {
  const api = useApi();
  const may = useMay();
  const [made, setMade] = useState<{ name: string; key: string } | null>(null);
  const pages = usePages<{ keys: KeyRow[]; next_cursor: string | null }>((cursor) =>
    pathOf(KEYS, { limit: 50, cursor }),
  );
  return (
    <Section title="Keys">
      <p className="faint">
        A secret key is for programs of yours, a publishable one for a web page: it can only start
        sessions.
      </p>
      {made && (
        <SecretOnce what={`The key “${made.name}”`} secret={made.key} onDone={() => setMade(null)} />
      )}
      {may("keys:write") && (
        <NewKey
          onMade={(key) => {
            setMade(key);
            void pages.refresh();
          }}
        />
      )}
      <Listing
        items={pages.data?.keys}
        error={pages.error}
        onRetry={() => void pages.refresh()}
        empty={<Empty title="There are no keys yet." />}
      >
        {(keys) => (
          <>
            <Table name="Keys, newest first">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col" className="wide">
                    Kind
                  </th>
                  <th scope="col">May</th>
                  <th scope="col">Last used</th>
                  <th scope="col" className="wide">
                    Expires
                  </th>
                  <ActionsHead />
                </tr>
              </thead>
              <tbody>
                {keys.map((key) => (
                  <Row
                    key={key.id}
                    row={key}
                    {...(may("keys:write") && {
                      onRevoke: async () => {
                        await api.send("DELETE", pathOf(KEYS, key.id));
                        await pages.refresh();
                      },
                    })}
                  />
                ))}
              </tbody>
            </Table>
            <Pager pages={pages} shown={counted(keys.length, "key")} />
          </>
        )}
      </Listing>
    </Section>
  );
}

function Row({ row, onRevoke }: { row: KeyRow; onRevoke?: () => Promise<void> }) {
  const limits = [
    ...row.scopes,
    ...row.agents.map((agent) => `only ${agent}`),
    ...row.origins.map((origin) => `from ${origin}`),
    ...(row.max_sessions === null ? [] : [`${row.max_sessions} sessions at once`]),
    ...(row.sessions_per_minute === null ? [] : [`${row.sessions_per_minute} a minute`]),
  ];
  return (
    <tr>
      <th scope="row">
        {row.name}
        <small className="mono">{row.hint}</small>
      </th>
      <td className="wide">{row.kind}</td>
      <td className="scopes">{limits.join(", ") || "–"}</td>
      <td>{row.last_used_at ? <Ago at={row.last_used_at} /> : "never"}</td>
      <td className="wide">{row.expires_at ? <Ago at={row.expires_at} /> : "never"}</td>
      <td className="action">
        {row.revoked_at ? (
          <Badge tone="quiet">revoked</Badge>
        ) : (
          onRevoke && (
            <ConfirmButton
              name="Revoke"
              label={`Revoke the key ${row.name}`}
              title={`Revoke “${row.name}”?`}
              text="Within 5 seconds it opens nothing any more. That cannot be undone. Sessions that run go on."
              onConfirm={onRevoke}
            />
          )
        )}
      </td>
    </tr>
  );
}

function NewKey({ onMade }: { onMade: (key: { name: string; key: string }) => void }) {
  const api = useApi();
  const [kind, setKind] = useState<KeyRow["kind"]>("secret");
  const scopes = useRemote<Whoever>("v1/auth/me").data?.scopes ?? [];
  const agents = useRemote<{ agents: AgentRow[] }>("v1/agents").data?.agents ?? [];
  const make = async (form: FormData) =>
    onMade(await api.send<KeyRow & { key: string }>("POST", KEYS, keyOf(kind, form)));
  return (
    <NewForm what="key" onMake={make}>
      <div className="row">
        <Field label="Name" hint="To know it again by.">
          {(field) => <input {...field} name="name" required maxLength={200} autoFocus />}
        </Field>
        <Field label="Kind">
          {(field) => (
            <select
              {...field}
              value={kind}
              onChange={(event) => setKind(event.target.value as KeyRow["kind"])}
            >
              <option value="secret">secret, for a program</option>
              <option value="publishable">publishable, for a web page</option>
            </select>
          )}
        </Field>
        <Field label="Expires" hint="Empty: never.">
          {(field) => <input {...field} name="expires" type="date" />}
        </Field>
      </div>
      {kind === "secret" ? (
        <fieldset className="checks">
          <legend>It may</legend>
          {scopes.map((scope) => (
            <label key={scope} className="switch-label">
              <input type="checkbox" name="scope" value={scope} />
              {scope}
            </label>
          ))}
        </fieldset>
      ) : (
        <Field label="Sites whose pages may use it" hint="One a line: https://shop.example.com">
          {(field) => <textarea {...field} name="origins" rows={2} required />}
        </Field>
      )}
      <fieldset className="checks">
        <legend>Only these agents (all if none is chosen)</legend>
        {agents.map(({ id, name }) => (
          <label key={id} className="switch-label">
            <input type="checkbox" name="agent" value={id} />
            {name}
          </label>
        ))}
      </fieldset>
      <div className="row">
        <Field label="Sessions at once" hint="Empty: no limit of its own.">
          {(field) => <input {...field} name="max_sessions" type="number" min={1} />}
        </Field>
        <Field label="Sessions a minute" hint="Empty: no limit of its own.">
          {(field) => <input {...field} name="sessions_per_minute" type="number" min={1} />}
        </Field>
      </div>
    </NewForm>
  );
}
