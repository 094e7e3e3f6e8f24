import { logger, LogLevel } from "@pipecat-ai/client-js";
import { VoiceAgentClient } from "../client";
import { embedOptions } from "./options";
import { TalkButton } from "./talkButton";

// Only while the script runs does the document know which one it is.
const script = document.currentScript as HTMLScriptElement | null;

function start(): void {
  // The page is somebody else's, and so is its console.
  logger.setLevel(LogLevel.WARN);
  const { client, label, corner } = embedOptions(script?.dataset ?? {}, script?.src);
  new TalkButton(new VoiceAgentClient(client), label, corner).show(document.body);
}

if (document.body) start();
else document.addEventListener("DOMContentLoaded", start);
