import { pathOf } from "../wire/api";
import type { Role, UserRow, Whoever } from "../wire/views";
import { useAction, useApi, useMay, useRemote } from "./data";
import { counted } from "./format";
import { ActionsHead, Listing, NewForm } from "./Listing";
import { Pager, usePages } from "./Pager";
import { Ago, Badge, ConfirmButton, Empty, Field, Section, Table, Trouble } from "./parts";
import { NewPassword, PasswordButton } from "./Passwords";

const USERS = "v1/users";

export function Users() {
  const may = useMay();
  const pages = usePages<{ users: UserRow[]; next_cursor: string | null }>((cursor) =>
    pathOf(USERS, { limit: 50, cursor }),
  );
  const refresh = () => void pages.refresh();
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
      {mayWrite && <NewUser onMade={refresh} />}
      <Listing
        items={pages.data?.users}
        error={pages.error}
        onRetry={refresh}
        empty={<Empty title="There are no users yet." />}
      >
        {(users) => (
          <>
            <Table name="Users, newest first">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Role</th>
                  <th scope="col">Since</th>
                  <ActionsHead />
                </tr>
              </thead>
              <tbody>
                {users.map((user) => (
                  <Row
                    key={user.id}
                    user={user}
                    isMe={user.id === me?.id}
                    mayWrite={mayWrite}
                    onChanged={refresh}
                  />
                ))}
              </tbody>
            </Table>
            <Pager pages={pages} shown={counted(users.length, "user")} />
          </>
        )}
      </Listing>
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
  const make = async (form: FormData) => {
    await api.send("POST", USERS, Object.fromEntries(form));
    onMade();
  };
  return (
    <NewForm what="user" onMake={make}>
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
        <NewPassword label="Password" hint="tell him yourself" />
      </div>
    </NewForm>
  );
}
