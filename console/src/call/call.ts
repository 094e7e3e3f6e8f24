import { VoiceAgentClient, type TransportChoice } from "@voice-agent/client";
import type { Server } from "../wire/sessions";

export interface CallOptions {
  agent: string | undefined;
  transport: TransportChoice;
  /** False to type only: the browser is not asked for the microphone. */
  microphone: boolean;
}

/** The visitor's calls. What goes wrong is shown as a notice, so nothing here throws. */
export class Call extends VoiceAgentClient {
  constructor(server: Server) {
    super({ server: server.base, session: (wanted) => server.createSession(wanted) });
  }

  /** Calls. Must begin in a click or key press, or the browser keeps the page mute. */
  async start(options: CallOptions): Promise<void> {
    await this.connect(options).catch(() => undefined);
  }

  /** Ends the call, or gives up on one that is still being connected. */
  async hangUp(): Promise<void> {
    await this.disconnect();
  }

  /** Says something in writing; calls first when there is no call yet. */
  async type(text: string, options: Omit<CallOptions, "microphone">): Promise<void> {
    await this.sendText(text, options).catch(() => undefined);
  }
}
