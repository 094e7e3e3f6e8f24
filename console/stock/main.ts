import { PipecatClient, type Transport } from "@pipecat-ai/client-js";
import {
  SmallWebRTCTransport,
  WavMediaManager as WebRtcDevices,
} from "@pipecat-ai/small-webrtc-transport";
import {
  WavMediaManager as WebSocketDevices,
  WebSocketTransport,
} from "@pipecat-ai/websocket-transport";

// The other official manager, the default, fetches a part of itself from the network.
const TRANSPORTS: Record<string, () => Transport> = {
  webrtc: () => new SmallWebRTCTransport({ mediaManager: new WebRtcDevices() }),
  websocket: () => new WebSocketTransport({ mediaManager: new WebSocketDevices(512, 16_000) }),
};

const address = new URLSearchParams(window.location.search);
const name = address.get("transport") ?? "webrtc";
const endpoint = address.get("endpoint") ?? "/start";
const transport = TRANSPORTS[name];
if (!transport) throw new Error(`no transport is called ${name}`);

const state = element("state");
const said = element("said");
const remote = element("remote") as HTMLAudioElement;

const client = new PipecatClient({
  transport: transport(),
  enableMic: true,
  enableCam: false,
  callbacks: {
    onTransportStateChanged: (now) => (state.textContent = now),
    onBotReady: () => (state.dataset["bot"] = "ready"),
    onUserTranscript: ({ text, final }) => final && note("user", text),
    onBotOutput: ({ text, spoken_status }) => spoken_status === "completed" && note("bot", text),
    onTrackStarted: (track, participant) => {
      if (participant?.local || track.kind !== "audio") return;
      remote.srcObject = new MediaStream([track]);
    },
    onError: (message) => note("error", JSON.stringify(message.data)),
  },
});

element("start").addEventListener("click", async () => {
  try {
    await client.startBotAndConnect({ endpoint, requestData: { transport: name } });
  } catch (error) {
    note("error", String(error));
  }
});
element("stop").addEventListener("click", () => void client.disconnect());

function note(who: string, text: string): void {
  const item = document.createElement("li");
  item.dataset["who"] = who;
  item.textContent = text;
  said.append(item);
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}
