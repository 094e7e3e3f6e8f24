import type { VoiceAgentOptions } from "../options";

export type Corner = "left" | "right";

export interface EmbedOptions {
  client: VoiceAgentOptions;
  label: string;
  corner: Corner;
}

/**
 * What the attributes of the script tag ask for: `data-server` (where the script itself comes from
 * when not given), `data-key`, `data-session-url`, `data-agent`, `data-label`, `data-corner`.
 */
export function embedOptions(data: DOMStringMap, scriptAddress?: string): EmbedOptions {
  const server = data["server"] ?? (scriptAddress ? new URL("./", scriptAddress).href : undefined);
  const { key, sessionUrl, agent, label, corner } = data;
  return {
    client: {
      ...(server && { server }),
      ...(key && { key }),
      ...(sessionUrl && { sessionUrl }),
      ...(agent && { agent }),
    },
    label: label ?? "Talk to us",
    corner: corner === "left" ? "left" : "right",
  };
}
