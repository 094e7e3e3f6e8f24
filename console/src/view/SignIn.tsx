import { useId, useState, type FormEvent } from "react";
import type { Account } from "../wire/account";
import { ServerRefused } from "../wire/problem";

const MIN_PASSWORD = 12;
const SETUP_DONE = 409;

/** Asks who the visitor is; with the setup link, who the first administrator is to be. */
export function SignIn({ account, isSetup }: { account: Account; isSetup: boolean }) {
  const [trouble, setTrouble] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    const [email, password] = [text("email"), text("password")];
    setTrouble(null);
    setBusy(true);
    try {
      if (isSetup) await account.setUp({ email, name: text("name"), password });
      else await account.signIn(email, password);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      setTrouble(words.charAt(0).toUpperCase() + words.slice(1));
      if (isSetup && error instanceof ServerRefused && error.status === SETUP_DONE) {
        account.giveUpSetup();
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)} data-testid="sign-in">
        <h1>{isSetup ? "Make the first administrator" : "Sign in"}</h1>
        {isSetup && <p>Nobody can sign in yet. You will be the one who can let others in.</p>}
        {isSetup && <Field label="Name" name="name" autoComplete="name" maxLength={200} />}
        <Field label="Email" name="email" type="email" autoComplete="username" maxLength={320} />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete={isSetup ? "new-password" : "current-password"}
          maxLength={200}
          {...(isSetup ? { minLength: MIN_PASSWORD, hint: `At least ${MIN_PASSWORD} characters.` } : {})}
        />
        {trouble && (
          <p className="trouble" role="alert">
            {trouble}
          </p>
        )}
        <button type="submit" disabled={isBusy}>
          {isSetup ? "Make me the administrator" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type?: string;
  autoComplete: string;
  maxLength: number;
  minLength?: number;
  hint?: string;
}

function Field({ label, hint, ...input }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} required aria-describedby={hint && `${id}-hint`} {...input} />
      {hint && (
        <small id={`${id}-hint`} className="hint">
          {hint}
        </small>
      )}
    </div>
  );
}
