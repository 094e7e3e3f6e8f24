import { useState, type FormEvent } from "react";
import { pathOf } from "../wire/api";
import type { UserRow } from "../wire/views";
import { useAction, useApi } from "./data";
import { Dialog, Field, Trouble } from "./parts";

const MIN_PASSWORD = 12;

/** Gives a user a new password: one's own with the old one, another's as an administrator. */
export function PasswordButton({ user, isMe }: { user: UserRow; isMe: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const [isDone, setDone] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button"
        aria-label={`Password of ${user.name}`}
        onClick={() => setOpen(true)}
      >
        {isDone ? "Password changed" : "Password"}
      </button>
      {isOpen && (
        <Dialog
          title={isMe ? "Change your password" : `Give ${user.name} a new password`}
          onClose={() => setOpen(false)}
        >
          <PasswordForm
            user={user}
            isMe={isMe}
            onDone={() => {
              setOpen(false);
              setDone(true);
            }}
            onCancel={() => setOpen(false)}
          />
        </Dialog>
      )}
    </>
  );
}

/** The field of a password that is chosen. */
export function NewPassword({ label, hint }: { label: string; hint?: string }) {
  const rule = `At least ${MIN_PASSWORD} characters`;
  return (
    <Field label={label} hint={hint ? `${rule}; ${hint}.` : `${rule}.`}>
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
  );
}

interface FormProps {
  user: UserRow;
  isMe: boolean;
  onDone: () => void;
  onCancel: () => void;
}

function PasswordForm({ user, isMe, onDone, onCancel }: FormProps) {
  const api = useApi();
  const action = useAction();
  const change = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [current, password] = [String(form.get("current")), String(form.get("password"))];
    const done = await action.run(() =>
      isMe
        ? api.changePassword(current, password)
        : api.send("PATCH", pathOf("v1/users", user.id), { password }),
    );
    if (done) onDone();
  };
  return (
    <form className="dialog-form" onSubmit={(event) => void change(event)}>
      <p>
        {isMe
          ? "You are signed out everywhere else."
          : "He is signed out everywhere. Tell him the password yourself."}
      </p>
      {isMe && (
        <Field label="Current password">
          {(field) => (
            <input
              {...field}
              name="current"
              type="password"
              autoComplete="current-password"
              required
            />
          )}
        </Field>
      )}
      <NewPassword label="New password" />
      <Trouble error={action.error} />
      <div className="actions">
        <button type="button" className="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" className="button solid" disabled={action.isBusy}>
          Change the password
        </button>
      </div>
    </form>
  );
}
