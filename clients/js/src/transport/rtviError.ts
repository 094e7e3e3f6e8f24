import type { RTVIMessage } from "@pipecat-ai/client-js";

/** What an error of the protocol says: its words, empty when it has none, and whether it is the end. */
export function readError({ data }: RTVIMessage): { words: string; isFatal: boolean } {
  const { error, message, fatal } = (data ?? {}) as Record<string, unknown>;
  const words = typeof error === "string" ? error : typeof message === "string" ? message : "";
  return { words, isFatal: fatal === true };
}
