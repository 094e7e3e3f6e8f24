import type { Pool, PoolResource, ProcessRow, ProviderRow, SystemState } from "../wire/views";
import { useRemote } from "./data";
import { bytes, counted, shortSeconds } from "./format";
import { Listing } from "./Listing";
import { Ago, Badge, Empty, Heading, Loading, Section, Table, Trouble, type Tone } from "./parts";

const REFRESH_MS = 3_000;
const STAGES = { stt: "Speech to text", llm: "Language model", tts: "Text to speech" } as const;
const TONES: Record<ProviderRow["state"], Tone> = {
  healthy: "good",
  failing: "bad",
  unused: "quiet",
};

export function System() {
  const { data, error, mutate } = useRemote<SystemState>("v1/system", REFRESH_MS);
  return (
    <>
      <Heading title="System" beside={data && <Readiness system={data} />} />
      <Trouble error={error} onRetry={() => void mutate()} />
      {!data && !error && <Loading />}
      {data && (
        <>
          <Section title="Providers">
            <ul className="providers">
              {data.providers.map((provider) => (
                <Provider key={`${provider.stage} ${provider.name}`} provider={provider} />
              ))}
            </ul>
          </Section>
          <Processes system={data} />
        </>
      )}
      <PoolTable />
    </>
  );
}

function Readiness({ system: { ready, processes, processes_wanted } }: { system: SystemState }) {
  if (!ready) return <Badge tone="bad">not ready for calls</Badge>;
  const missing = processes_wanted - processes.length;
  if (missing > 0) return <Badge tone="busy">{counted(missing, "process", "processes")} away</Badge>;
  return <Badge tone="good">ready for calls</Badge>;
}

function Provider({ provider }: { provider: ProviderRow }) {
  const { stage, name, model, state, failing_since, worked_at, failures, last_error } = provider;
  return (
    <li data-state={state}>
      <p className="faint">{STAGES[stage]}</p>
      <h3>
        {name} <Badge tone={TONES[state]}>{state}</Badge>
      </h3>
      <p>{model ? <code>{model}</code> : <span className="faint">its own default model</span>}</p>
      <p className="faint">
        {failing_since ? (
          <>
            failing since <Ago at={failing_since} />
          </>
        ) : worked_at ? (
          <>
            last used <Ago at={worked_at} />
          </>
        ) : (
          "no call has used it yet"
        )}
        {failures > 0 && `, ${counted(failures, "failure")}`}
      </p>
      {last_error && (
        <p className="last-error">
          <Ago at={last_error.at} />: {last_error.message}
        </p>
      )}
    </li>
  );
}

function Processes({ system: { processes, processes_wanted } }: { system: SystemState }) {
  return (
    <Section
      title="Processes"
      aside={
        <p className="aside">
          {processes.length} of {processes_wanted} answered
        </p>
      }
    >
      <Table name="Processes">
        <thead>
          <tr>
            <th scope="col">Process</th>
            <th scope="col">State</th>
            <th scope="col">Sessions</th>
            <th scope="col" className="number">
              Memory
            </th>
            <th scope="col">Started</th>
          </tr>
        </thead>
        <tbody>
          {processes.map((process) => (
            <Process key={process.name} process={process} />
          ))}
        </tbody>
      </Table>
    </Section>
  );
}

function Process({ process }: { process: ProcessRow }) {
  const { name, ready, not_ready_reason, sessions, max_sessions, memory_bytes } = process;
  const count = Object.values(sessions).reduce((sum, one) => sum + one, 0);
  const states = Object.entries(sessions).filter(([, one]) => one > 0);
  return (
    <tr>
      <th scope="row" className="mono">
        {name}
      </th>
      <td>
        <Badge tone={ready ? "good" : "bad"}>{ready ? "ready" : not_ready_reason}</Badge>
      </td>
      <td>
        <span className="load">
          <meter
            min={0}
            max={max_sessions}
            value={count}
            aria-label={`${count} of ${max_sessions} sessions`}
          />
          {count} of {max_sessions}
        </span>
        {states.length > 0 && (
          <small className="faint">
            {states.map(([state, one]) => `${one} ${state}`).join(", ")}
          </small>
        )}
      </td>
      <td className="number">{memory_bytes === null ? "–" : bytes(memory_bytes)}</td>
      <td>
        <Ago at={process.started_at} />
      </td>
    </tr>
  );
}

/** What calls share; for who may see it. */
function PoolTable() {
  const { data, error, mutate } = useRemote<Pool>("v1/pool", REFRESH_MS);
  return (
    <Section title="Service pool">
      <Listing
        items={data?.resources}
        error={error}
        onRetry={() => void mutate()}
        empty={<Empty title="The pool holds nothing yet." />}
      >
        {(resources) => (
          <Table name="Resources of the service pool">
            <thead>
              <tr>
                <th scope="col">For</th>
                <th scope="col">Kind</th>
                <th scope="col" className="number">
                  In use
                </th>
                <th scope="col" className="number">
                  Idle
                </th>
                <th scope="col" className="number">
                  Size
                </th>
                <th scope="col" className="number">
                  Waiting
                </th>
                <th scope="col" className="number">
                  Longest wait
                </th>
                <th scope="col" className="number">
                  Failures
                </th>
              </tr>
            </thead>
            <tbody>
              {resources.map((resource) => (
                <Resource key={keyOf(resource)} resource={resource} />
              ))}
            </tbody>
          </Table>
        )}
      </Listing>
    </Section>
  );
}

function keyOf({ kind, purpose, provider, agent_version }: PoolResource): string {
  return [kind, purpose, provider, agent_version].join(" ");
}

function Resource({ resource }: { resource: PoolResource }) {
  const failed = resource.failures + resource.quarantined;
  return (
    <tr>
      <th scope="row">
        {resource.purpose} <span className="faint">{resource.provider}</span>
        {resource.agent_version && <small className="mono">{resource.agent_version}</small>}
      </th>
      <td>{resource.kind}</td>
      <td className="number">{resource.in_use}</td>
      <td className="number">{resource.idle}</td>
      <td className="number">
        {resource.size}
        {resource.building > 0 && <small>+{resource.building} being built</small>}
      </td>
      <td className="number">{resource.waiting}</td>
      <td className="number">
        {resource.waits > 0 ? shortSeconds(resource.wait_longest_s) : "–"}
      </td>
      <td className="number">{failed > 0 ? <Badge tone="bad">{failed}</Badge> : 0}</td>
    </tr>
  );
}
