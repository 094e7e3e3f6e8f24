import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CallMedia } from "../media/callMedia";
import { SessionServer, type WebRtcOffer } from "../wire/session";
import { wire } from "./official";

/** As much of a peer connection as the official transport asks for, up to the offer. */
class Peer extends EventTarget {
  static made: Peer[] = [];
  readonly configurations: RTCConfiguration[];
  localDescription = { type: "offer", sdp: "v=0" };
  iceConnectionState = "new";
  signalingState = "stable";

  constructor(configuration: RTCConfiguration) {
    super();
    this.configurations = [configuration];
    Peer.made.push(this);
  }
  getConfiguration = () => this.configurations.at(-1)!;
  setConfiguration = (changed: RTCConfiguration) => void this.configurations.push(changed);
  addTransceiver = () => undefined;
  getTransceivers = () => [{ sender: { replaceTrack: async () => undefined } }];
  getSenders = () => [];
  createDataChannel = () => Object.assign(new EventTarget(), { close: () => undefined });
  createOffer = async () => this.localDescription;
  setLocalDescription = async () => undefined;
  setRemoteDescription = async () => undefined;
  close = () => undefined;
}

const ICE = [{ urls: "stun:stun.test" }];
const OFFER: WebRtcOffer = {
  type: "webrtc",
  offer_url: "http://voice.test/v1/sessions/s/offer",
  ice_servers: ICE,
};
const server = new SessionServer(
  { session_id: "s", token: "secret", expires_at: "", transports: [OFFER] },
  new URL("http://voice.test/"),
);
const media = new CallMedia(
  { createMediaStreamDestination: () => ({ stream: { getAudioTracks: () => [] } }) } as never,
  null,
  { play: () => undefined, flush: () => undefined, detach: () => undefined },
);

function connecting(offer: WebRtcOffer, answer: () => Response | Promise<Response>) {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(request);
    return answer();
  });
  const failures: string[] = [];
  const { transport, params } = wire(offer, "attempt-1", server, media, {
    closed: () => undefined,
    failed: (error) => void failures.push(error.message),
  });
  transport.initialize({ transport, callbacks: {} }, () => undefined);
  const connected = transport.connect(params as never);
  connected.catch(() => undefined);
  return { transport, asked, failures, connected };
}

const answered = () => Response.json({ type: "answer", sdp: "v=0", pc_id: "p" });

describe("wire", () => {
  beforeEach(() => {
    Peer.made = [];
    vi.stubGlobal("RTCPeerConnection", Peer);
  });
  afterEach(() => vi.unstubAllGlobals());

  it("sends the attempt's id with the offer, and the session's token", async () => {
    const { asked } = connecting(OFFER, answered);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    expect(asked[0]!.headers.get("Authorization")).toBe("Bearer secret");
    expect(await asked[0]!.json()).toMatchObject({ type: "offer", sdp: "v=0", attempt: "attempt-1" });
    expect(Peer.made[0]!.configurations).toEqual([{ iceServers: ICE }]);
  });

  it("keeps to relays where the server says so", async () => {
    const { asked } = connecting({ ...OFFER, ice_transport_policy: "relay" }, answered);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    expect(Peer.made[0]!.getConfiguration()).toEqual({ iceServers: ICE, iceTransportPolicy: "relay" });
  });

  it("fails at once when the offer cannot be sent", async () => {
    const { failures } = connecting(OFFER, () => Promise.reject(new TypeError("Failed to fetch")));
    await vi.waitFor(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toContain("Failed to fetch");
  });

  it("fails when the server refuses the offer", async () => {
    const { connected } = connecting(OFFER, () => new Response(null, { status: 410 }));
    await expect(connected).rejects.toThrow("410");
  });

  it("leaves coming back to the race: no second peer on a failed one", async () => {
    const { asked, failures } = connecting(OFFER, answered);
    await vi.waitFor(() => expect(asked).toHaveLength(1));
    const peer = Peer.made[0]!;
    peer.iceConnectionState = "failed";
    peer.dispatchEvent(new Event("iceconnectionstatechange"));
    expect(failures).toEqual(["the way to the server was lost"]);
    expect(Peer.made).toHaveLength(1);
  });

  it("names the attempt in a socket's address", () => {
    const url = "ws://voice.test/v1/sessions/s/ws?token=t";
    const events = { closed: () => undefined, failed: () => undefined };
    const { params } = wire({ type: "websocket", url }, "attempt-1", server, media, events);
    expect(params).toEqual({ wsUrl: `${url}&attempt=attempt-1` });
  });
});
