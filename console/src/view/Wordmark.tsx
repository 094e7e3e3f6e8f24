/** The product's name and mark. */
export function Wordmark() {
  return (
    <span className="wordmark">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="16" cy="16" r="15" />
        <path d="M9 13v6M13 10v12M17 7v18M21 11v10M25 14v4" />
      </svg>
      Voice Agent
    </span>
  );
}
