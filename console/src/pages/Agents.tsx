import { preferAgent } from "../view/preferences";
import { addressOf, go } from "../view/route";
import type { AgentRow } from "../wire/views";
import { useMay, useRemote } from "./data";
import { Listing } from "./Listing";
import { Badge, Empty, Heading } from "./parts";

export function Agents() {
  const { data, error, mutate } = useRemote<{ agents: AgentRow[] }>("v1/agents", 30_000);
  const may = useMay();
  return (
    <>
      <Heading title="Agents">
        {may("agents:write") && (
          <a className="button solid" href={addressOf({ page: "new agent", like: null })}>
            New agent
          </a>
        )}
      </Heading>
      <Listing
        items={data?.agents}
        error={error}
        onRetry={() => void mutate()}
        empty={<Empty title="There are no agents that you may see." />}
      >
        {(agents) => (
          <ul className="cards">
            {agents.map((agent) => (
              <li key={agent.id} className="panel">
                <div>
                  <h2>
                    <a href={addressOf({ page: "agent", id: agent.id })}>{agent.name}</a>
                  </h2>
                  <p className="faint">
                    <code>{agent.id}</code> · {agent.language} · version{" "}
                    <code>{agent.version}</code>
                  </p>
                </div>
                <Origin agent={agent} />
                <div className="actions">
                  <a className="button" href={addressOf({ page: "agent", id: agent.id })}>
                    {agent.origin === "api" && may("agents:write") ? "Edit" : "Look"}
                    <span className="visually-hidden"> at {agent.name}</span>
                  </a>
                  <TryIt agent={agent} />
                </div>
              </li>
            ))}
          </ul>
        )}
      </Listing>
    </>
  );
}

export function Origin({ agent }: { agent: AgentRow }) {
  return agent.origin === "file" ? (
    <Badge tone="quiet">file, read-only</Badge>
  ) : (
    <Badge tone="good">made here</Badge>
  );
}

/** Opens the talk page with this agent. */
export function TryIt({ agent }: { agent: AgentRow }) {
  const talk = () => {
    preferAgent(agent.id);
    go({ page: "talk" });
  };
  return (
    <button type="button" className="button" onClick={talk} aria-label={`Try it: ${agent.name}`}>
      Try it
    </button>
  );
}
