import { useState } from "react";
import { useRemote } from "./data";
import { cursorOf, FIRST_PAGE, newer, older, type Trail } from "./sessionList";

interface Page {
  next_cursor: string | null;
}

/** A list that the server gives in pages, and the way through them. */
export interface Pages<T extends Page> {
  data: T | undefined;
  error: Error | undefined;
  /** Asks again for the page that is shown. */
  refresh: () => Promise<unknown>;
  trail: Trail;
  turnTo: (trail: Trail) => void;
}

/** The page that `pathAt` gives for a cursor, null for the first; asked again every `everyMs`. */
export function usePages<T extends Page>(
  pathAt: (cursor: string | null) => string,
  everyMs = 0,
): Pages<T> {
  const [trail, turnTo] = useState(FIRST_PAGE);
  const { data, error, mutate } = useRemote<T>(pathAt(cursorOf(trail)), everyMs);
  return { data, error, refresh: () => mutate(), trail, turnTo };
}

/** To newer and older pages of a list; `shown` says in words what is on this one. */
export function Pager({ pages, shown }: { pages: Pages<Page>; shown: string }) {
  const { data, trail, turnTo } = pages;
  const nextCursor = data?.next_cursor ?? null;
  const isOnly = trail.length === 0 && !nextCursor;
  return (
    <div className="pager">
      <p role="status">{shown}</p>
      {!isOnly && (
        <>
          <button
            type="button"
            className="button"
            disabled={trail.length === 0}
            onClick={() => turnTo(newer(trail))}
          >
            Newer
          </button>
          <button
            type="button"
            className="button"
            disabled={!nextCursor}
            onClick={() => turnTo(older(trail, nextCursor))}
          >
            Older
          </button>
        </>
      )}
    </div>
  );
}
