import { newer, older, type Trail } from "./sessionList";

interface Props {
  trail: Trail;
  nextCursor: string | null | undefined;
  /** What is on this page, in words. */
  shown: string;
  onTurn: (trail: Trail) => void;
}

/** To newer and older pages of a list. */
export function Pager({ trail, nextCursor, shown, onTurn }: Props) {
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
            onClick={() => onTurn(newer(trail))}
          >
            Newer
          </button>
          <button
            type="button"
            className="button"
            disabled={!nextCursor}
            onClick={() => onTurn(older(trail, nextCursor ?? null))}
          >
            Older
          </button>
        </>
      )}
    </div>
  );
}
