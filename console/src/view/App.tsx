import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { failureNotice, microphoneAllowedHere, microphoneNotice } from "@voice-agent/client";
import type { Call } from "../call/call";
import type { AgentSummary, Server } from "../wire/sessions";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { ConnectionDetails } from "./ConnectionDetails";
import { Controls } from "./Controls";
import { Navigation } from "./Navigation";
import { NoticeCard } from "./NoticeCard";
import { Orb } from "./Orb";
import { usePreferences } from "./preferences";
import { AgentPicker, TransportPicker } from "./Pickers";
import { Suggestions } from "./Suggestions";
import { TranscriptView } from "./TranscriptView";
import { Wordmark } from "./Wordmark";

const HEADLINES = {
  listening: "Listening",
  user: "Hearing you",
  thinking: "One moment",
  agent: "Speaking",
} as const;

interface Props {
  call: Call;
  server: Server;
  /** Not given where nobody signs in. */
  onSignOut?: () => void;
}

export function App({ call, server, onSignOut }: Props) {
  const state = useSyncExternalStore(call.subscribe, call.snapshot);
  const [agents, setAgents] = useState<AgentSummary[]>([]);
  const [preferences, prefer] = usePreferences();
  const composer = useRef<HTMLTextAreaElement>(null);
  const canHear = microphoneAllowedHere();

  useEffect(() => {
    if (!canHear) call.notice(microphoneNotice("insecure"));
    server.agents().then(setAgents, (error: unknown) => call.notice(failureNotice(error)));
  }, [call, server, canHear]);

  const agent = agents.find(({ id }) => id === preferences.agent) ?? agents[0];
  const agentName = agent?.name ?? "the agent";
  const chosen = { agent: preferences.agent && agent?.id, transport: preferences.transport };

  const talk = () => void call.start({ ...chosen, microphone: canHear });
  const hangUp = useCallback(() => void call.hangUp(), [call]);
  const say = (text: string) => void call.type(text, chosen);

  const isIdle = state.phase === "idle";
  const isFresh = isIdle && state.transcript.length === 0;

  // Where no microphone can be had, typing is the way to talk: put the cursor there.
  useEffect(() => {
    if (state.phase === "talking" && state.microphone === "off") composer.current?.focus();
  }, [state.phase, state.microphone]);

  return (
    <div className="page" data-phase={state.phase} data-turn={state.turn} data-fresh={isFresh}>
      <header className="bar">
        <Navigation call={call} page="talk" />
        <Wordmark />
        <AgentPicker
          agents={agents}
          value={agent?.id ?? ""}
          disabled={!isIdle}
          onChange={(id) => prefer({ agent: id })}
        />
        <ConnectionDetails state={state} />
        {onSignOut && (
          <button type="button" className="sign-out" disabled={!isIdle} onClick={onSignOut}>
            Sign out
          </button>
        )}
      </header>

      <main tabIndex={-1}>
        <section className="stage" aria-label="Call">
          <Orb call={call} phase={state.phase} turn={state.turn} />
          {isFresh ? (
            <div className="welcome">
              <p className="eyebrow">{agent?.name}</p>
              <h1>{canHear ? "Just ask, out loud." : "Just ask."}</h1>
              <p>
                {canHear
                  ? "Press Talk and speak as you would on the phone. You can interrupt at any time."
                  : "Type your question below. The answer is spoken, and you can interrupt it."}
              </p>
            </div>
          ) : (
            <p className="status" data-testid="status">
              {state.phase === "talking"
                ? state.turn === "agent"
                  ? `${agent ? agentName : "The agent"} is speaking`
                  : HEADLINES[state.turn]
                : state.phase === "connecting"
                  ? "Connecting"
                  : state.phase === "returning"
                    ? "Coming back"
                    : "Call ended"}
            </p>
          )}
        </section>

        {!isFresh && (
          <TranscriptView
            transcript={state.transcript}
            agentName={agentName}
            isHearing={state.phase === "talking" && state.turn === "user"}
          />
        )}
      </main>

      <footer className="dock">
        {state.isRecorded && (
          <p className="recorded" role="status" data-testid="recorded">
            This call is recorded
          </p>
        )}
        {state.notice && (
          <NoticeCard notice={state.notice} onDismiss={() => call.notice(null)} />
        )}
        {isFresh && <Suggestions onAsk={say} />}
        <Controls
          call={call}
          state={state}
          canHear={canHear}
          isFresh={isFresh}
          onTalk={talk}
          onHangUp={hangUp}
        />
        <Composer ref={composer} agentName={agentName} onSay={say} />
        {isIdle && (
          <TransportPicker
            value={preferences.transport}
            onChange={(transport) => prefer({ transport })}
          />
        )}
      </footer>
      <Announcer state={state} agentName={agentName} />
    </div>
  );
}
