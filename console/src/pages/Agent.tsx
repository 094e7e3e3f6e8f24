import { useEffect, useState } from "react";
import { useSWRConfig } from "swr";
import { addressOf, go } from "../view/route";
import { pathOf } from "../wire/api";
import { ServerRefused } from "../wire/problem";
import type { AgentDetail } from "../wire/views";
import { bodyOf, copyOf, definitionOf, differences, draftOf, EMPTY_DRAFT } from "./agentDraft";
import { AgentForm } from "./AgentForm";
import { AgentVersions } from "./AgentVersions";
import { Origin, TryIt } from "./Agents";
import { useAction, useApi, useMay, useRemote } from "./data";
import { ConfirmButton, Heading, Loading, Trouble } from "./parts";

const AGENTS = "v1/agents";
const CHANGED_MEANWHILE = 412;
const BACK = { to: addressOf({ page: "agents" }), name: "Agents" };

export function AgentPage({ id }: { id: string }) {
  const { data, error, mutate } = useRemote<AgentDetail>(pathOf(AGENTS, id));
  if (data) return <OneAgent agent={data} onChanged={(agent) => void mutate(agent, false)} />;
  return (
    <>
      <Heading title="Agent" back={BACK} />
      <Trouble error={error} onRetry={() => void mutate()} />
      {!error && <Loading />}
    </>
  );
}

interface Props {
  /** As the server has it now. */
  agent: AgentDetail;
  onChanged: (agent: AgentDetail) => void;
}

function OneAgent({ agent, onChanged }: Props) {
  const api = useApi();
  const may = useMay();
  const { mutate } = useSWRConfig();
  const [draft, setDraft] = useState(() => draftOf(agent));
  /** What the draft began as; a change is refused when the server has another by then. */
  const [base, setBase] = useState(agent);
  const [savedVersion, setSavedVersion] = useState<string | null>(null);
  const action = useAction();
  const path = pathOf(AGENTS, agent.id);
  const mayEdit = agent.origin === "api" && may("agents:write");
  const isChanged = JSON.stringify(draft) !== JSON.stringify(draftOf(base));
  const isBehind = agent.version !== base.version;
  const refused = action.error instanceof ServerRefused && action.error.status;

  const begin = (from: AgentDetail) => {
    setDraft(draftOf(from));
    setBase(from);
    action.clear();
  };
  // Nothing is lost when nothing was changed here.
  useEffect(() => {
    if (isBehind && !isChanged) begin(agent);
  });

  const save = (over: AgentDetail) =>
    action.run(async () => {
      setSavedVersion(null);
      try {
        const headers = { "If-Match": `"${over.version}"` };
        const saved = await api.send<AgentDetail>("PUT", path, bodyOf(draft), headers);
        begin(saved);
        setSavedVersion(saved.version);
        onChanged(saved);
        await mutate(pathOf(AGENTS, agent.id, "versions"));
      } catch (error) {
        if (error instanceof ServerRefused && error.status === CHANGED_MEANWHILE) {
          onChanged(await api.get<AgentDetail>(path));
        }
        throw error;
      }
    });

  return (
    <>
      <Heading title={agent.name} back={BACK} beside={<Origin agent={agent} />}>
        <TryIt agent={agent} />
        {may("agents:write") && (
          <a className="button" href={addressOf({ page: "new agent", like: agent.id })}>
            Copy
          </a>
        )}
        {mayEdit && (
          <ConfirmButton
            name="Delete"
            title={`Delete ${agent.name}?`}
            text="It goes with all its versions. Sessions that run keep it."
            onConfirm={async () => {
              await api.send("DELETE", path);
              await mutate(AGENTS);
              go({ page: "agents" });
            }}
          />
        )}
      </Heading>
      {agent.origin === "file" && (
        <p className="note" role="note">
          This agent is described by a file on the server, <code>{agent.id}.yaml</code> in its
          agents folder. It is only shown here: change the file, and the next call has the new
          version; or make a copy and edit that.
        </p>
      )}
      {isBehind && isChanged && (
        <Conflict
          mine={base}
          theirs={agent}
          isBusy={action.isBusy}
          onTakeTheirs={() => begin(agent)}
          onKeepMine={() => void save(agent)}
        />
      )}
      {refused !== CHANGED_MEANWHILE && <Trouble error={action.error} />}
      <AgentForm
        draft={draft}
        mayEdit={mayEdit}
        onChange={(next) => {
          setDraft(next);
          setSavedVersion(null);
        }}
        onSubmit={() => void save(base)}
      >
        <p role="status" className="faint">
          {savedVersion
            ? `Saved as version ${savedVersion}. The next call has it.`
            : isChanged
              ? "Not saved yet."
              : `Version ${base.version}`}
        </p>
        <button
          type="button"
          className="button"
          disabled={!isChanged || action.isBusy}
          onClick={() => begin(agent)}
        >
          Discard
        </button>
        <button
          type="submit"
          className="button solid"
          disabled={!isChanged || isBehind || action.isBusy}
        >
          Save
        </button>
      </AgentForm>
      {agent.origin === "api" && (
        <AgentVersions
          id={agent.id}
          current={agent.version}
          {...(mayEdit && { onLoad: (definition) => setDraft(draftOf(definition)) })}
        />
      )}
    </>
  );
}

interface ConflictProps {
  mine: AgentDetail;
  theirs: AgentDetail;
  isBusy: boolean;
  onTakeTheirs: () => void;
  onKeepMine: () => void;
}

function Conflict({ mine, theirs, isBusy, onTakeTheirs, onKeepMine }: ConflictProps) {
  const changed = differences(definitionOf(mine), definitionOf(theirs));
  return (
    <div className="conflict" role="alert" data-testid="conflict">
      <strong>Somebody else changed this agent meanwhile</strong>
      <p>
        You began from version <code>{mine.version}</code>, the server now has{" "}
        <code>{theirs.version}</code>. It differs in: <b>{changed.join(", ")}</b>. Nothing of yours
        is saved yet.
      </p>
      <div className="actions">
        <button type="button" className="button" disabled={isBusy} onClick={onTakeTheirs}>
          Take theirs, drop mine
        </button>
        <button type="button" className="button danger" disabled={isBusy} onClick={onKeepMine}>
          Save mine over theirs
        </button>
      </div>
    </div>
  );
}

export function NewAgentPage({ like }: { like: string | null }) {
  const { data, error, mutate } = useRemote<AgentDetail>(like && pathOf(AGENTS, like));
  return (
    <>
      <Heading title="New agent" back={BACK} />
      <Trouble error={error} onRetry={() => void mutate()} />
      {like && !data && !error && <Loading />}
      {(!like || data) && <NewAgent from={data} />}
    </>
  );
}

function NewAgent({ from }: { from: AgentDetail | undefined }) {
  const api = useApi();
  const { mutate } = useSWRConfig();
  const action = useAction();
  const [draft, setDraft] = useState(() => (from ? copyOf(from) : EMPTY_DRAFT));
  const create = () =>
    action.run(async () => {
      const made = await api.send<AgentDetail>("POST", AGENTS, bodyOf(draft));
      await mutate(AGENTS);
      go({ page: "agent", id: made.id });
    });
  return (
    <>
      <Trouble error={action.error} />
      <AgentForm draft={draft} mayEdit isNew onChange={setDraft} onSubmit={() => void create()}>
        <button type="submit" className="button solid" disabled={action.isBusy}>
          Create
        </button>
      </AgentForm>
    </>
  );
}
