import { pathOf } from "../wire/api";
import type { AgentDefinition, AgentVersion } from "../wire/views";
import { differences } from "./agentDraft";
import { useRemote } from "./data";
import { Ago, Loading, Section, Trouble } from "./parts";

interface Props {
  id: string;
  current: string;
  /** Puts a version into the form; not given to who may not change it. */
  onLoad?: (definition: AgentDefinition) => void;
}

/** All versions of an agent, newest first, and what each changed. */
export function AgentVersions({ id, current, onLoad }: Props) {
  const path = pathOf("v1/agents", id, "versions");
  const { data, error, mutate } = useRemote<{ versions: AgentVersion[] }>(path);
  return (
    <Section title="Versions">
      <Trouble error={error} onRetry={() => void mutate()} />
      {!data && !error && <Loading />}
      <ol className="versions">
        {data?.versions.map((version, index) => {
          const before = data.versions[index + 1];
          const changed = before ? differences(before.definition, version.definition) : [];
          return (
            <li key={version.number}>
              <b>{version.number}</b>
              <code>{version.version}</code>
              <Ago at={version.created_at} />
              <span className="faint">
                {before ? `changed ${changed.join(", ") || "nothing"}` : "the first"}
              </span>
              {version.version === current ? (
                <span className="faint">current</span>
              ) : (
                onLoad && (
                  <button
                    type="button"
                    className="button"
                    aria-label={`Load version ${version.number} into the form`}
                    onClick={() => onLoad(version.definition)}
                  >
                    Load
                  </button>
                )
              )}
            </li>
          );
        })}
      </ol>
    </Section>
  );
}
