import { useState, type FormEvent } from "react";
import { pathOf } from "../wire/api";
import type { Role, UserRow, Whoever } from "../wire/views";
import { useAction, useApi, useMay, useRemote } from "./data";
import { counted } from "./format";
import { Ago, Badge, ConfirmButton, Empty, Field, Loading, Section, Table, Trouble } from "./parts";
import { Pager } from "./Pager";
import { PasswordButton } from "./Passwords";
import { cursorOf, FIRST_PAGE } from "./sessionList";

const USERS = "v1/users";
const MIN_PASSWORD = 12;

export function Users() {
  const may = useMay();
  const [trail, setTrail] = useState(FIRST_PAGE);
  const { data, error, mutate } = useRemote<{ users: UserRow[]; next_cursor: string | null }>(
    pathOf(USERS, { limit: 50, cursor: cursorOf(trail) }),
  );
  const me = useRemote<Whoever>("v1/auth/me").data;
  const mayWrite = may("users:write");
  return (
    <Section title="Users">
      {me?.kind === "open" && (
        <p className="faint">
          Nobody is asked to sign in (<code>VOICE_AGENT_AUTH=off</code>). Users count once it is{" "}
          <code>required</code>.
        </p>
      )}
      {mayWrite && <NewUser onMade={() => void mutate()} />}
      <Trouble error={error} onRetry={() => void mutate()} />
      {!data && !error && <Loading />}
      {data?.users.length === 0 && <Empty title="There are no users yet." />}
      {data && data.users.length > 0 && (
        <>
          <Table name="Users, newest first">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Since</th>
                <th scope="col">
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.users.map((user) => (
                <Row
                  key={user.id}
                  user={user}
                  isMe={user.id === me?.id}
                  mayWrite={mayWrite}
                  onChanged={() => void mutate()}
                />
              ))}
            </tbody>
          </Table>
          <Pager
            trail={trail}
            nextCursor={data.next_cursor}
            shown={counted(data.users.length, "user")}
            onTurn={setTrail}
          />
        </>
      )}
    </Section>
  );
}

interface RowProps {
  user: UserRow;
  isMe: boolean;
  mayWrite: boolean;
  onChanged: () => void;
}

function Row({ user, isMe, mayWrite, onChanged }: RowProps) {
  const api = useApi();
  const action = useAction();
  const path = pathOf(USERS, user.id);
  const change = (role: Role) =>
    action.run(async () => {
      await api.send("PATCH", path, { role });
      onChanged();
    });
  return (
    <>
      <tr>
        <th scope="row">
          {user.name} {isMe && <Badge tone="quiet">you</Badge>}
          <small>{user.email}</small>
        </th>
        <td>
          {mayWrite ? (
            <select
              aria-label={`Role of ${user.name}`}
              value={user.role}
              disabled={action.isBusy}
              onChange={(event) => void change(event.target.value as Role)}
            >
              <option value="administrator">administrator</option>
              <option value="member">member</option>
            </select>
          ) : (
            user.role
          )}
        </td>
        <td>
          <Ago at={user.created_at} />
        </td>
        <td className="action">
          {(mayWrite || isMe) && <PasswordButton user={user} isMe={isMe} />}
          {mayWrite && !isMe && (
            <ConfirmButton
              name="Delete"
              label={`Delete ${user.name}`}
              title={`Delete ${user.name}?`}
              text="He can no longer sign in, and is signed out everywhere within 5 seconds."
              onConfirm={async () => {
                await api.send("DELETE", path);
                onChanged();
              }}
            />
          )}
        </td>
      </tr>
      {action.error !== null && (
        <tr>
          <td colSpan={4}>
            <Trouble error={action.error} />
          </td>
        </tr>
      )}
    </>
  );
}

function NewUser({ onMade }: { onMade: () => void }) {
  const api = useApi();
  const action = useAction();
  const [isOpen, setOpen] = useState(false);
  const create = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget));
    await action.run(async () => {
      await api.send("POST", USERS, body);
      onMade();
      setOpen(false);
    });
  };
  if (!isOpen) {
    return (
      <button type="button" className="button solid" onClick={() => setOpen(true)}>
        New user
      </button>
    );
  }
  return (
    <form className="inset" aria-label="New user" onSubmit={(event) => void create(event)}>
      <div className="row">
        <Field label="Name">
          {(field) => <input {...field} name="name" required maxLength={200} autoFocus />}
        </Field>
        <Field label="Email">
          {(field) => <input {...field} name="email" type="email" required maxLength={320} />}
        </Field>
        <Field label="Role">
          {(field) => (
            <select {...field} name="role" defaultValue="member">
              <option value="member">member</option>
              <option value="administrator">administrator</option>
            </select>
          )}
        </Field>
        <Field label="Password" hint={`At least ${MIN_PASSWORD} characters; tell him yourself.`}>
          {(field) => (
            <input
              {...field}
              name="password"
              type="password"
              autoComplete="new-password"
              required
              minLength={MIN_PASSWORD}
              maxLength={200}
            />
          )}
        </Field>
      </div>
      <Trouble error={action.error} />
      <div className="actions">
        <button type="button" className="button" onClick={() => setOpen(false)}>
          Cancel
        </button>
        <button type="submit" className="button solid" disabled={action.isBusy}>
          Make the user
        </button>
      </div>
    </form>
  );
}
