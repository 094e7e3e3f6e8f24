import type { Notice } from "@voice-agent/client";
import { CloseIcon, NoticeIcon } from "./icons";

export function NoticeCard({ notice, onDismiss }: { notice: Notice; onDismiss: () => void }) {
  return (
    <div
      className="notice"
      data-tone={notice.tone}
      role={notice.tone === "trouble" ? "alert" : "status"}
      data-testid="notice"
    >
      <NoticeIcon />
      <div>
        <strong>{notice.title}</strong>
        <p>{notice.text}</p>
        {notice.command && <code>{notice.command}</code>}
      </div>
      <button type="button" className="icon-button" aria-label="Dismiss" onClick={onDismiss}>
        <CloseIcon />
      </button>
    </div>
  );
}
