"""A call over WebRTC: Opus through aiortc, RTVI over a data channel.

What is sent was encoded before the call, and what arrives is taken off the socket's own path:
aiortc's decoder thread and jitter buffer would cost a thread hop a packet, and hold the audio
back by four packets, which a measurement of latency must not contain.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcicetransport import parse_stun_turn_uri
from aiortc.rtp import RtpPacket

from voice_agent.client.errors import ServerUnreachableError
from voice_agent.client.losses import invites_back
from voice_agent.client.media import MediaListener
from voice_agent.client.microphone import Pace
from voice_agent.client.opus import (
    OPUS_PACKET_SAMPLES,
    OPUS_RATE,
    OpusDecoder,
    Reordering,
    RtpPayload,
)
from voice_agent.client.signalling import Signalling, TransportName, TransportOffer

CHANNEL_LABEL = "chat"
"""The data channel's label, as the official client has it."""

PING_INTERVAL_S = 1.0
"""Pipecat takes a client for gone that has not sent `ping` for three seconds."""

GATHERING_S = 1
"""How long STUN and TURN servers are waited for where this machine's own addresses may do."""

_CLOSE_TIMEOUT_S = 5.0
_LOOK_INTERVAL_S = 0.25
_TIME_BASE = Fraction(1, OPUS_RATE)
_RTP_MODULUS = 1 << 32


class MicrophoneTrack(MediaStreamTrack):
    """Gives aiortc a ready Opus packet each 20 ms."""

    kind = "audio"

    def __init__(self, listener: MediaListener, clock: Callable[[], float]) -> None:
        super().__init__()
        self._listener = listener
        self._clock = clock
        self._pace: Pace | None = None
        self._count = 0

    async def recv(self) -> "av.Packet[Any]":
        """Waits until the next packet is due and returns it."""
        if self.readyState != "live":
            raise MediaStreamError
        now = self._clock()
        if self._pace is None:
            self._pace = Pace(now)
        await asyncio.sleep(self._pace.wait_s(now))
        packet = av.Packet(self._listener.microphone_packet(self._clock()).opus)
        packet.pts = self._count * OPUS_PACKET_SAMPLES
        packet.time_base = _TIME_BASE
        self._count += 1
        return packet


class _Speaker:
    """Puts received RTP packets in order, decodes them and gives them to the call."""

    def __init__(self, listener: MediaListener, clock: Callable[[], float]) -> None:
        self._listener = listener
        self._clock = clock
        self._order = Reordering()
        self._decoder = OpusDecoder()
        self._first: tuple[float, int] | None = None

    async def handle(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        """Takes a packet; the signature is the one aiortc's router calls."""
        del arrival_time_ms  # wall time, of whole milliseconds
        if not packet.payload:
            return
        at = self._clock()
        received = RtpPayload(packet.sequence_number, packet.timestamp, at, packet.payload)
        for due in self._order.push(received):
            samples = self._decoder.decode(due.payload)
            if len(samples):
                self._listener.audio_arrived(due.arrived_at, samples, self._placed_at(due))

    def _placed_at(self, packet: RtpPayload) -> float:
        if self._first is None:
            self._first = (packet.arrived_at, packet.timestamp)
        start, timestamp = self._first
        return start + ((packet.timestamp - timestamp) % _RTP_MODULUS) / OPUS_RATE


class WebRTCMedia:
    """One peer connection.

    Args:
        offer: Where the server takes the offer, and its ICE servers.
        token: The session's token.
        signalling: Sends the offer.
        listener: The call.
        timeout_s: For connecting, in seconds.
        clock: Monotonic seconds.
        attempt: The id of the connection attempt; None for one that is newer than all before.
        silence_s: Seconds without a packet of the server after which the connection counts as
            lost; None waits until ICE notices, which takes half a minute.
    """

    name = TransportName.WEBRTC
    sample_rate = OPUS_RATE
    is_buffered = False

    def __init__(
        self,
        offer: TransportOffer,
        token: str,
        signalling: Signalling,
        listener: MediaListener,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        attempt: str | None = None,
        silence_s: float | None = None,
    ) -> None:
        self._attempt = attempt
        self._silence_s = silence_s
        self._offer = offer
        self._token = token
        self._signalling = signalling
        self._listener = listener
        self._timeout_s = timeout_s
        self._clock = clock
        self._peer: RTCPeerConnection | None = None
        self._channel: RTCDataChannel | None = None
        self._track: MicrophoneTrack | None = None
        self._opened: asyncio.Future[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._farewell = ""
        self._is_over = False

    async def connect(self) -> None:
        """Makes the connection up to the open data channel.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: The connection could not be made.
        """
        # Never without a list: aiortc would ask a public STUN server of its own choice.
        configuration = RTCConfiguration(
            iceServers=ice_servers(self._offer.ice_servers),
            iceTransportPolicy=RTCIceTransportPolicy("relay" if self._offer.relay_only else "all"),
        )
        peer = self._peer = RTCPeerConnection(configuration)
        self._opened = asyncio.get_running_loop().create_future()
        speaker = _Speaker(self._listener, self._clock)
        transceiver = peer.addTransceiver("audio", direction="sendrecv")
        receiver = transceiver.receiver
        receiver._handle_rtp_packet = speaker.handle  # type: ignore[method-assign] # see the top
        self._transceiver = transceiver
        self._channel = peer.createDataChannel(CHANNEL_LABEL, ordered=True)
        self._channel.on("open", self._on_open)
        self._channel.on("message", self._on_message)
        self._channel.on("close", self._on_channel_closed)
        peer.on("connectionstatechange", self._on_state)
        if not self._offer.relay_only:
            for dtls in {receiver.transport, self._channel.transport.transport}:
                _wait_less(dtls.transport._connection)
        try:
            async with asyncio.timeout(self._timeout_s):
                await peer.setLocalDescription(await peer.createOffer())
                self._require_candidates(peer.localDescription.sdp)
                sdp = await self._signalling.offer(
                    self._offer.url, self._token, peer.localDescription.sdp, self._attempt
                )
                await self._accept(peer, sdp)
                await self._opened
        except TimeoutError as error:
            raise ServerUnreachableError(
                f"WebRTC did not connect within {self._timeout_s:g} s"
            ) from error

    async def start(self, microphone: bool) -> None:
        """Begins to send what the microphone gives."""
        assert self._peer is not None, "connect comes first"
        self._tasks.append(asyncio.create_task(self._send_pings()))
        if self._silence_s is not None:
            self._tasks.append(asyncio.create_task(self._notice_silence(self._silence_s)))
        if microphone:
            self._track = MicrophoneTrack(self._listener, self._clock)
            self._transceiver.sender.replaceTrack(self._track)

    async def send_message(self, message: Mapping[str, Any]) -> None:
        """Sends a JSON message over the data channel."""
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps(message))

    async def close(self) -> None:
        """Closes the data channel and the peer connection."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._track is not None:
            self._track.stop()
            self._track = None
        if self._peer is not None:
            peer, self._peer, self._channel = self._peer, None, None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await peer.close()

    async def abort(self, *, silently: bool) -> None:
        """Is gone from the network: no BYE, no close of channel or DTLS, no more of anything."""
        del silently  # UDP knows no other way
        if self._peer is not None and (sctp := self._peer.sctp) is not None:
            connection = sctp.transport.transport._connection
            connection.sendto = _swallow  # type: ignore[method-assign]
        await self.close()

    def _require_candidates(self, sdp: str) -> None:
        """Does nothing when the offer has a candidate; without one aiortc would wait in vain."""
        if "a=candidate:" in sdp:
            return
        if self._offer.relay_only:
            raise ServerUnreachableError(
                "WebRTC has to go through a TURN server here, and none gave a relay"
            )
        raise ServerUnreachableError("this machine has no address that WebRTC could use")

    async def _accept(self, peer: RTCPeerConnection, sdp: str) -> None:
        try:
            await peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        except (ValueError, KeyError, IndexError, AssertionError) as error:
            raise ServerUnreachableError("the server's WebRTC answer cannot be used") from error

    async def _send_pings(self) -> None:
        while True:
            if self._channel is not None and self._channel.readyState == "open":
                self._channel.send(f"ping: {time.time_ns() // 1_000_000}")
            await asyncio.sleep(PING_INTERVAL_S)

    async def _notice_silence(self, silence_s: float) -> None:
        """Ends the connection when nothing arrives any more, not even what answers the pings."""
        received, silent_for = self._packets_received(), 0
        # Looks are counted, not seconds: a client that was busy has not looked.
        while silent_for * _LOOK_INTERVAL_S < silence_s:
            await asyncio.sleep(_LOOK_INTERVAL_S)
            now = self._packets_received()
            silent_for = silent_for + 1 if now == received else 0
            received = now
        self._end("the connection was lost: the server fell silent", lost=True)

    def _packets_received(self) -> int:
        if self._peer is None or self._peer.sctp is None:
            return 0
        (stats,) = self._peer.sctp.transport._get_stats().values()
        return int(stats.packetsReceived)

    def _farewell_in(self, message: Any) -> str:
        """Returns the words with which the server ends the call, if the message has them."""
        if not isinstance(message, Mapping) or message.get("type") != "error":
            return ""
        data = message.get("data")
        if not isinstance(data, Mapping) or data.get("fatal") is not True:
            return ""
        return str(data.get("error", ""))

    def _on_open(self) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def _on_message(self, received: str | bytes) -> None:
        at = self._clock()
        if self._peer is None:
            return
        try:
            message = json.loads(received)
        except ValueError:
            self._end("the server sent something unreadable")
            return
        if isinstance(message, Mapping) and message.get("type") == "signalling":
            signal = message.get("message")
            if isinstance(signal, Mapping) and signal.get("type") == "peerLeft":
                self._end("the server closed the connection")
            return
        self._farewell = self._farewell or self._farewell_in(message)
        self._listener.message_arrived(at, message)

    def _on_channel_closed(self) -> None:
        self._end("the server closed the connection")

    def _on_state(self) -> None:
        if self._peer is not None and (state := self._peer.connectionState) in {"failed", "closed"}:
            self._end("the connection was lost", lost=state == "failed")

    def _end(self, reason: str, *, lost: bool = False) -> None:
        if self._farewell:
            reason = f"{reason}: {self._farewell}"
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(ServerUnreachableError(f"WebRTC failed: {reason}"))
        elif self._peer is not None and not self._is_over:
            self._is_over = True
            lost = lost or invites_back(self._farewell)
            self._listener.connection_ended(self._clock(), reason, None, lost=lost)


async def _swallow(data: bytes, component: int) -> None:
    """Sends nothing, in the place of aioice's `sendto`."""


def _wait_less(connection: Any) -> None:
    """Lets aioice, which waits five seconds for a TURN server that is down, go on without it."""
    gather = type(connection).get_component_candidates
    connection.get_component_candidates = partial(gather, connection, timeout=GATHERING_S)


def ice_servers(entries: Sequence[Mapping[str, Any]]) -> list[RTCIceServer]:
    """Returns ICE servers as aiortc takes them, without the addresses that it would fail at."""
    servers = []
    for entry in entries:
        given = entry.get("urls") or []
        urls = [url for url in ([given] if isinstance(given, str) else given) if _is_usable(url)]
        if urls:
            servers.append(RTCIceServer(urls, entry.get("username"), entry.get("credential")))
    return servers


def _is_usable(url: str) -> bool:
    try:
        parse_stun_turn_uri(url)
    except ValueError:
        return False
    return True
