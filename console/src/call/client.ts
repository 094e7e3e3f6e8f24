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
    return {
      transport: new SmallWebRTCTransport({ mediaManager: media.asOfficial() }),
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
  return { transport, params: { wsUrl: url.toString() } };
}
