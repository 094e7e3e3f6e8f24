import { useState, type FormEvent, type ReactNode } from "react";
import { useAction } from "./data";
import { Loading, Trouble } from "./parts";

interface Props<Item> {
  /** What there is; undefined until that is known. */
  items: readonly Item[] | undefined;
  error: unknown;
  onRetry: () => void;
  /** What stands in place of no items. */
  empty: ReactNode;
  children: (items: readonly Item[]) => ReactNode;
}

/** A list of the server's: what went wrong, that it is awaited, that it is empty, or what it has. */
export function Listing<Item>({ items, error, onRetry, empty, children }: Props<Item>) {
  return (
    <>
      <Trouble error={error} onRetry={onRetry} />
      {!items && !error && <Loading />}
      {items?.length === 0 && empty}
      {items && items.length > 0 && children(items)}
    </>
  );
}

/** The head of a table's column of buttons. */
export function ActionsHead() {
  return (
    <th scope="col">
      <span className="visually-hidden">Actions</span>
    </th>
  );
}

interface NewProps {
  /** What is made: "key". */
  what: string;
  /** Makes it; what goes wrong is shown, and the form stays. */
  onMake: (form: FormData) => Promise<void>;
  children: ReactNode;
}

/** A button that opens a form for something new. */
export function NewForm({ what, onMake, children }: NewProps) {
  const action = useAction();
  const [isOpen, setOpen] = useState(false);
  const make = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    await action.run(async () => {
      await onMake(form);
      setOpen(false);
    });
  };
  if (!isOpen) {
    return (
      <button type="button" className="button solid" onClick={() => setOpen(true)}>
        New {what}
      </button>
    );
  }
  return (
    <form className="inset" aria-label={`New ${what}`} onSubmit={(event) => void make(event)}>
      {children}
      <Trouble error={action.error} />
      <div className="actions">
        <button type="button" className="button" onClick={() => setOpen(false)}>
          Cancel
        </button>
        <button type="submit" className="button solid" disabled={action.isBusy}>
          Make the {what}
        </button>
      </div>
    </form>
  );
}
