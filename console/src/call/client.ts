import { PipecatClient, type RTVIMessage, type Transport } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport } from "@pipecat-ai/small-webrtc-transport";
import { WebSocketTransport } from "@pipecat-ai/websocket-transport";
import type { CallMedia } from "../media/callMedia";
import type { Server, Session, TransportOffer } from "../wire/sessions";

/**
 * The official client, and the one message of the protocol that it does not pass on yet:
 * that the agent's speech was cut off.
 */
export class ConsoleClient extends PipecatClient {
  onInterrupted: () => void = () => undefined;

  protected override handleMessage(message: RTVIMessage): void {
    if (message.type === "bot-interrupted") this.onInterrupted();
    super.handleMessage(message);
  }
}

/** The official transport, and the reason that the server gave for closing. */
class ReasonedWebSocketTransport extends WebSocketTransport {
  override initializeWebsocket() {
    const socket = super.initializeWebsocket();
    socket.prependListener("close", (code: number, reason: string) =>
      this.onClosed(code, reason),
    );
    return socket;
  }

  onClosed: (code: number, reason: string) => void = () => undefined;
}

export interface Wiring {
  transport: Transport;
  params: unknown;
  /** How many audio packets have come so far; null where nobody counts them. */
  packets: () => Promise<number | null>;
}

/** Of the official transport, which keeps its peer connection to itself. */
async function receivedPackets(transport: SmallWebRTCTransport): Promise<number | null> {
  const peer = (transport as unknown as { pc: RTCPeerConnection | null }).pc;
  let count: number | null = null;
  for (const report of (await peer?.getStats())?.values() ?? []) {
    if (report.type === "inbound-rtp" && report.kind === "audio") {
      count = (count ?? 0) + (report.packetsReceived as number);
    }
  }
  return count;
}

/** The official transport for an offer, with what it needs to connect. */
export function wire(
  offer: TransportOffer,
  session: Session,
  server: Server,
  media: CallMedia,
  onClosed: (code: number, reason: string) => void,
): Wiring {
  if (offer.type === "webrtc") {
    const transport = new SmallWebRTCTransport({ mediaManager: media.asOfficial() });
    return {
      transport,
      packets: () => receivedPackets(transport),
      params: {
        webrtcRequestParams: {
          endpoint: server.url(offer.offer_url),
          headers: new Headers({ Authorization: `Bearer ${session.token}` }),
        },
        iceConfig: { iceServers: offer.ice_servers },
      },
    };
  }
  const transport = new ReasonedWebSocketTransport({ mediaManager: media.asOfficial() });
  transport.onClosed = onClosed;
  const url = new URL(offer.url, server.base);
  url.protocol = url.protocol.replace("http", "ws");
  return { transport, params: { wsUrl: url.toString() }, packets: async () => null };
}
