import { useEffect, useState, useSyncExternalStore } from "react";
import { VoiceAgentClient } from "./client";
import type { ConnectOptions, VoiceAgentOptions } from "./options";
import type { CallState } from "./state/state";

export interface VoiceAgent extends CallState {
  /** For its events and levels. */
  client: VoiceAgentClient;
  /** Calls; what goes wrong is in `notice`. To be called in a click. */
  connect(options?: ConnectOptions): Promise<void>;
  disconnect(): Promise<void>;
  setMuted(muted: boolean): void;
  sendText(text: string): Promise<void>;
}

/**
 * A client for as long as the component is there, with the state of its call. The options are
 * those of the first render; to change what a call needs, give it to `connect`.
 */
export function useVoiceAgent(options: VoiceAgentOptions = {}): VoiceAgent {
  const [client] = useState(() => new VoiceAgentClient(options));
  const state = useSyncExternalStore(client.subscribe, client.snapshot, client.snapshot);
  useEffect(() => () => void client.disconnect(), [client]);
  const [actions] = useState(() => ({
    connect: (chosen?: ConnectOptions) => client.connect(chosen).catch(() => undefined),
    disconnect: () => client.disconnect(),
    setMuted: (muted: boolean) => client.setMuted(muted),
    sendText: (text: string) => client.sendText(text).catch(() => undefined),
  }));
  return { ...state, client, ...actions };
}
