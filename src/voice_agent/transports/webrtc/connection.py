"""One peer connection of one client, as a connection that carries a leg."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from aiortc import RTCIceCandidate
from aiortc.mediastreams import MediaStreamError
from pipecat.processors.frameworks.rtvi import models as rtvi
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from voice_agent.transports.base import Attempt, CloseReason, ConnectionEnd, TransportKind
from voice_agent.transports.base_connection import ConnectionState
from voice_agent.transports.webrtc.closing import CLOSE_TIMEOUT_S, begin_closing, wait_closed
from voice_agent.transports.webrtc.data_channel import CheckedDataChannels
from voice_agent.transports.webrtc.prompt_transport import PromptWebRTCTransport
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer

LIVENESS_INTERVAL_S = 1.0
VANISHED_AFTER_S = 6.0
"""Seconds without a sign of life, on top of Pipecat's own 3, after which a client is lost."""

CLOSE_WORDS: Mapping[CloseReason, str] = MappingProxyType(
    {
        CloseReason.SERVER_STOPPING: "the server is stopping, connect again",
        CloseReason.TRY_AGAIN_LATER: "no capacity for this call, try again later",
        CloseReason.FAILED: "the call failed, connect again",
        CloseReason.DISPLACED: "a newer connection took the session over",
        CloseReason.LOST_RACE: "another connection of this attempt carries the call",
        CloseReason.SILENT: "nothing arrived on this connection",
        CloseReason.IDLE: "the session was idle for too long",
        CloseReason.MAX_DURATION: "the session reached its longest duration",
    }
)
"""What the client is told over the data channel; after a normal end nothing needs saying."""

LOST_WORDS = "the connection was lost, connect again"
"""For a client that this side took for gone, should it still hear: its session waits for it."""


class WebRTCConnection(ConnectionState):
    """Implements `Connection` on a peer connection that has its answer."""

    def __init__(self, peer: SpeakingPeer, *, session_id: str, attempt: Attempt | None) -> None:
        super().__init__(TransportKind.WEBRTC, attempt, session_id=session_id)
        self.session_id = session_id
        self._peer = peer
        self._transport: PromptWebRTCTransport | None = None
        self._closing: asyncio.Task[None] | None = None
        self._asking: deque[Sequence[RTCIceCandidate | None]] = deque()
        self._asker: asyncio.Task[None] | None = None
        peer.add_event_handler("closed", self._on_closed)
        peer.add_event_handler("failed", self._on_failed)
        self._data_channels = CheckedDataChannels(peer, self, session_id=session_id)
        self._watch = asyncio.create_task(self._watch_peer(), name=f"{self.id} watch")

    @property
    def peer(self) -> SpeakingPeer:
        """Pipecat's connection underneath."""
        return self._peer

    def transport(self) -> PromptWebRTCTransport:
        """Return Pipecat's transport for this peer."""
        if self._transport is None:
            self._transport = PromptWebRTCTransport(
                self._peer,
                params=TransportParams(audio_in_enabled=True, audio_out_enabled=True),
            )
        return self._transport

    def reaches_client(self) -> bool:
        """Return whether the peer is connected; before the transport starts it cannot be told."""
        if self._transport is None:
            return super().reaches_client()
        return super().reaches_client() and self._peer.is_connected()

    async def add_candidates(self, candidates: Sequence[RTCIceCandidate | None]) -> None:
        """Give trickled candidates to the peer, in their order; None says that there are no more.

        Browsers hide their addresses behind names (`....local`, mDNS). Asking the network for one
        takes up to two seconds when nobody knows it, which no request has to wait for.
        """
        if not self._is_asking and not any(map(_is_named, candidates)):
            await self._add(candidates)
            return
        self._asking.append(candidates)
        if not self._is_asking:
            self._asker = asyncio.create_task(self._ask_names(), name=f"{self.id} names")

    @property
    def _is_asking(self) -> bool:
        return self._asker is not None and not self._asker.done()

    async def _ask_names(self) -> None:
        while self._asking:
            try:
                await self._add(self._asking.popleft())
            except Exception as error:  # noqa: BLE001 - a candidate less, the others are tried
                self._log.info("a candidate cannot be used: {!r}", error)

    async def _add(self, candidates: Sequence[RTCIceCandidate | None]) -> None:
        for candidate in candidates:
            await self._peer.add_ice_candidate(candidate)

    async def close(self, reason: CloseReason) -> None:
        """Tell the client why and close the peer connection; closing again waits for the same."""
        was_lost = self.has_ended and await self.wait_ended() is ConnectionEnd.LOST
        self.note_ended(ConnectionEnd.CLOSED)
        tasks = [self._watch] if self._asker is None else [self._watch, self._asker]
        for task in tasks:
            task.cancel()
        if self._closing is None:
            self._say(LOST_WORDS if was_lost else CLOSE_WORDS.get(reason))
            self._closing = begin_closing(self._peer)
        if not await wait_closed(self._closing):
            self._log.warning("the peer connection did not close in {} s", CLOSE_TIMEOUT_S)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _say(self, words: str | None) -> None:
        words = self.violation.detail if self.violation else words
        if words is not None:
            error = rtvi.Error(data=rtvi.ErrorData(error=words, fatal=True))
            self._peer.send_app_message(error.model_dump(exclude_none=True))

    async def _on_closed(self, _: SmallWebRTCConnection) -> None:
        self.note_ended(ConnectionEnd.LEFT)

    async def _on_failed(self, _: SmallWebRTCConnection) -> None:
        self.note_ended(ConnectionEnd.LOST)

    async def _watch_peer(self) -> None:
        """Note the first audio, then look for signs of life until there are none."""
        first_audio = asyncio.create_task(self._first_audio(), name=f"{self.id} first audio")
        try:
            await self._carrying.wait()
        finally:
            first_audio.cancel()
        loop = asyncio.get_running_loop()
        alive_at = loop.time()
        while loop.time() - alive_at < VANISHED_AFTER_S:
            await asyncio.sleep(LIVENESS_INTERVAL_S)
            if self._peer.is_connected() or self._transport is None:
                alive_at = loop.time()
        self.note_ended(ConnectionEnd.LOST)

    async def _first_audio(self) -> None:
        track = self._peer.audio_input_track()
        if track is None:
            return
        try:
            await track.recv()
        except MediaStreamError:
            return
        self.note_carrying()


def _is_named(candidate: RTCIceCandidate | None) -> bool:
    """Return whether its address is a name that has to be asked for first (mDNS)."""
    return candidate is not None and candidate.ip.endswith(".local")
