import type { APIRequest } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport } from "@pipecat-ai/small-webrtc-transport";
import { WebSocketTransport } from "@pipecat-ai/websocket-transport";
import type { CallMedia } from "../media/callMedia";
import type { SessionServer, TransportOffer, WebRtcOffer } from "../wire/session";

/**
 * The official transports, and what the race needs of them that they do not offer: all use of
 * their private parts is in this file, and `official.test.ts` says when a new version moves one.
 */
export interface Wiring {
  transport: SmallWebRTCTransport | WebSocketTransport;
  params: unknown;
  /** How many audio packets have come so far; null where nobody counts them. */
  packets: () => Promise<number | null>;
  /** How many bytes wait to be sent. */
  backlog: () => number;
}

export interface WiringEvents {
  /** The socket was closed, and how. */
  closed(code: number, reason: string): void;
  /** The transport has found that it cannot connect, or is cut off. */
  failed(error: Error): void;
}

/** The official transport for an offer, with what it needs to connect. */
export function wire(
  offer: TransportOffer,
  attempt: string,
  server: SessionServer,
  media: CallMedia,
  events: WiringEvents,
): Wiring {
  return offer.type === "webrtc"
    ? wireWebRtc(offer, attempt, server, media, events)
    : wireWebSocket(offer.url, attempt, server, media, events);
}

function wireWebSocket(
  address: string,
  attempt: string,
  server: SessionServer,
  media: CallMedia,
  events: WiringEvents,
): Wiring {
  const transport = new ReasonedWebSocketTransport({ mediaManager: media.asOfficial() });
  transport.onClosed = (code, reason) => events.closed(code, reason);
  const url = new URL(address, server.base);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("attempt", attempt);
  return {
    transport,
    params: { wsUrl: url.toString() },
    packets: async () => null,
    backlog: () => transport.socket?.bufferedAmount ?? 0,
  };
}

/** The official transport, and the reason that the server gave for closing. */
class ReasonedWebSocketTransport extends WebSocketTransport {
  onClosed: (code: number, reason: string) => void = () => undefined;

  override initializeWebsocket() {
    const socket = super.initializeWebsocket();
    socket.prependListener("close", (code: number, reason: string) =>
      this.onClosed(code, reason),
    );
    return socket;
  }

  /** The browser's own socket, two wrappers below. */
  get socket(): WebSocket | undefined {
    const { _ws: reconnecting } = this as unknown as { _ws?: { _ws?: { _ws?: WebSocket } } };
    return reconnecting?._ws?._ws;
  }
}

/** What `SmallWebRTCTransport` keeps to itself. */
interface WebRtcParts {
  pc: RTCPeerConnection | null;
  _lastNegotiationError: unknown;
  createPeerConnection(): RTCPeerConnection;
  negotiate(recreate?: boolean): Promise<void>;
  attemptReconnection(recreate?: boolean): Promise<void>;
  flushIceCandidates(): Promise<void>;
}

function wireWebRtc(
  offer: WebRtcOffer,
  attempt: string,
  server: SessionServer,
  media: CallMedia,
  events: WiringEvents,
): Wiring {
  const transport = new SmallWebRTCTransport({ mediaManager: media.asOfficial() });
  const parts = transport as unknown as WebRtcParts;
  const original = {
    createPeerConnection: parts.createPeerConnection.bind(transport),
    negotiate: parts.negotiate.bind(transport),
    attemptReconnection: parts.attemptReconnection.bind(transport),
    flushIceCandidates: parts.flushIceCandidates.bind(transport),
  };
  parts.createPeerConnection = () => {
    const peer = original.createPeerConnection();
    if (offer.ice_transport_policy) {
      const { iceServers } = peer.getConfiguration();
      peer.setConfiguration({
        ...(iceServers && { iceServers }),
        iceTransportPolicy: offer.ice_transport_policy,
      });
    }
    return peer;
  };
  // It would wait two seconds and try the same again, thrice. The race has another way to try.
  parts.negotiate = async (recreate) => {
    await original.negotiate(recreate);
    const error = parts._lastNegotiationError;
    if (error) events.failed(new Error(`the offer was not answered: ${wordsFor(error)}`));
  };
  // A new peer of the same attempt would lose against its own predecessor.
  parts.attemptReconnection = async (recreate) => {
    if (recreate) events.failed(new Error("the way to the server was lost"));
    else await original.attemptReconnection(false);
  };
  // It would not be connected before the server has looked at every candidate, which takes seconds
  // where one is a name that nobody knows there (mDNS).
  parts.flushIceCandidates = async () => void original.flushIceCandidates();
  return {
    transport,
    params: {
      webrtcRequestParams: new OfferRequest(
        new URL(offer.offer_url, server.base).toString(),
        new Headers(server.authorization),
        attempt,
      ),
      iceConfig: { iceServers: offer.ice_servers },
    },
    packets: () => receivedPackets(parts.pc),
    backlog: () => 0,
  };
}

/**
 * The request that carries an offer. The transport puts the offer into a copy of it as
 * `requestData`, and offers no place beside `sdp` and `type` for the attempt's id.
 */
class OfferRequest implements APIRequest {
  private body: Record<string, unknown> | undefined;

  constructor(
    readonly endpoint: string,
    readonly headers: Headers,
    private readonly attempt: string,
  ) {}

  set requestData(offer: NonNullable<APIRequest["requestData"]>) {
    this.body = { ...(offer as object), attempt: this.attempt };
  }

  get requestData(): NonNullable<APIRequest["requestData"]> {
    return this.body as NonNullable<APIRequest["requestData"]>;
  }
}

function wordsFor(error: unknown): string {
  if (typeof Response !== "undefined" && error instanceof Response) return `HTTP ${error.status}`;
  return error instanceof Error ? error.message : String(error);
}

async function receivedPackets(peer: RTCPeerConnection | null): Promise<number | null> {
  let count: number | null = null;
  for (const report of (await peer?.getStats())?.values() ?? []) {
    if (report.type === "inbound-rtp" && report.kind === "audio") {
      count = (count ?? 0) + (report.packetsReceived as number);
    }
  }
  return count;
}
