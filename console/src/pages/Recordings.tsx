import { useEffect, useState } from "react";
import { pathOf } from "../wire/api";
import type { Recording, SessionDetail } from "../wire/views";
import { useAction, useApi } from "./data";
import { bytes, clock } from "./format";
import { Section, Trouble } from "./parts";

/** What was recorded, to play and to keep: left the caller, right the agent. */
export function Recordings({ session }: { session: SessionDetail }) {
  if (session.recordings.length === 0) return null;
  return (
    <Section title="Recordings">
      <ul className="recordings">
        {session.recordings.map((recording) => (
          <li key={recording.number}>
            <OneRecording sessionId={session.session_id} recording={recording} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Fetched only when wanted, and with the credential, which an address in `src` would not have. */
function OneRecording({ sessionId, recording }: { sessionId: string; recording: Recording }) {
  const api = useApi();
  const action = useAction();
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => () => void (address && URL.revokeObjectURL(address)), [address]);
  const { number } = recording;
  const load = () =>
    action.run(async () => {
      const audio = await api.blob(pathOf("v1/sessions", sessionId, "recordings", number));
      setAddress(URL.createObjectURL(audio));
    });
  return (
    <>
      <p>
        <b>Recording {number}</b>{" "}
        <span className="faint">
          {clock(recording.duration_s)}, {bytes(recording.bytes)}
        </span>
      </p>
      {address ? (
        <div className="player">
          <audio controls autoPlay src={address} aria-label={`Recording ${number}`} />
          <a className="button" href={address} download={`${sessionId}-${number}.ogg`}>
            Save
          </a>
        </div>
      ) : (
        <button
          type="button"
          className="button"
          disabled={action.isBusy}
          onClick={() => void load()}
        >
          {action.isBusy ? "Fetching…" : "Play"}
        </button>
      )}
      <Trouble error={action.error} />
    </>
  );
}
