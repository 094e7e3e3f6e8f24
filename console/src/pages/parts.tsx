import { useEffect, useId, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { NoticeIcon } from "../view/icons";
import { hasMoved } from "../view/route";
import { useAction, useNow, wordsOf } from "./data";
import { ago, moment } from "./format";

interface HeadingProps {
  title: string;
  /** Where "back" leads, and what is there. */
  back?: { to: string; name: string };
  beside?: ReactNode;
  children?: ReactNode;
}

/** The page's title, with what can be done on it. */
export function Heading({ title, back, beside, children }: HeadingProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Who comes from another page goes on from here, and is told where he is.
  useEffect(() => {
    if (hasMoved()) heading.current?.focus();
  }, []);
  useEffect(() => {
    document.title = `${title} · Voice Agent`;
  }, [title]);
  return (
    <div className="heading">
      <div>
        {back && (
          <a className="back" href={back.to}>
            ← {back.name}
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {beside}
      </div>
      {children && <div className="actions">{children}</div>}
    </div>
  );
}

/** A part of a page, named by its heading. */
export function Section({
  title,
  aside,
  className = "",
  children,
}: {
  title: string;
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** What went wrong, as the server says it. */
export function Trouble({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const { title, text } = wordsOf(error);
  return (
    <div className="trouble-card" role="alert">
      <NoticeIcon />
      <div>
        <strong>{title}</strong>
        <p>{text.charAt(0).toUpperCase() + text.slice(1)}</p>
      </div>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <p className="loading" role="status">
      Loading…
    </p>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

export type Tone = "good" | "busy" | "bad" | "quiet";

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className="badge" data-tone={tone}>
      {children}
    </span>
  );
}

/** How long ago; the exact time on demand. */
export function Ago({ at }: { at: string }) {
  const now = useNow(10_000);
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at, now)}
    </time>
  );
}

/** A table that can be scrolled sideways, also by keyboard, where it does not fit. */
export function Table({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="table" role="group" aria-label={name} tabIndex={0}>
      <table>
        <caption className="visually-hidden">{name}</caption>
        {children}
      </table>
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

/** A dialog, open as long as it is drawn; Escape closes it too. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Closed before it is taken away, it gives the focus back to what opened it.
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  /** What the button says, and the one that confirms. */
  name: string;
  /** Told to who cannot see what the button belongs to. */
  label?: string;
  title: string;
  text: string;
  className?: string;
  onConfirm: () => Promise<unknown>;
}

/** A button that asks before it does what cannot be undone. */
export function ConfirmButton({ name, label, title, text, className, onConfirm }: ConfirmProps) {
  const [isOpen, setOpen] = useState(false);
  const action = useAction();
  const close = () => {
    setOpen(false);
    action.clear();
  };
  const confirm = async () => {
    if (await action.run(onConfirm)) setOpen(false);
  };
  return (
    <>
      <button
        type="button"
        className={className ?? "button danger"}
        aria-label={label}
        onClick={() => setOpen(true)}
      >
        {name}
      </button>
      {isOpen && (
        <Dialog title={title} onClose={close}>
          <p>{text}</p>
          <Trouble error={action.error} />
          <div className="actions">
            <button type="button" className="button" onClick={close}>
              Cancel
            </button>
            <button
              type="button"
              className="button danger solid"
              disabled={action.isBusy}
              onClick={() => void confirm()}
            >
              {name}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

export function CopyButton({ text, name = "Copy" }: { text: string; name?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // Browsers give the clipboard only over HTTPS or on localhost: the text can be selected.
    }
  };
  return (
    <>
      <button type="button" className="button" onClick={() => void copy()}>
        {copied ? "Copied" : name}
      </button>
      <span className="visually-hidden" role="status">
        {copied && "Copied"}
      </span>
    </>
  );
}

/** A secret that is shown this once. */
export function SecretOnce({
  what,
  secret,
  onDone,
}: {
  what: string;
  secret: string;
  onDone: () => void;
}) {
  const card = useRef<HTMLDivElement>(null);
  useEffect(() => card.current?.focus(), []);
  return (
    <div className="secret" role="group" aria-label={what} tabIndex={-1} ref={card}>
      <strong>{what}</strong>
      <p>Copy it now: it is shown this once, and cannot be shown again.</p>
      <div>
        <code data-testid="secret">{secret}</code>
        <CopyButton text={secret} />
        <button type="button" className="button" onClick={onDone}>
          I have it
        </button>
      </div>
    </div>
  );
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  children: (attributes: { id: string; "aria-describedby"?: string }) => ReactNode;
}

/** A field of a form with its label, and what is to be known about it. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(hint ? { id, "aria-describedby": `${id}-hint` } : { id })}
      {hint && (
        <small id={`${id}-hint`} className="hint">
          {hint}
        </small>
      )}
    </div>
  );
}
