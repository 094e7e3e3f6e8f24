"""Answers WebRTC offers, and finds the peer connections that are open."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from loguru import logger

from voice_agent.core.errors import MediaRouteError, OfferInvalidError, PeerNotFoundError
from voice_agent.core.process_ids import FIRST_PROCESS
from voice_agent.transports.base import Attempt, CloseReason, Connection
from voice_agent.transports.webrtc.closing import begin_closing, wait_closed
from voice_agent.transports.webrtc.connection import WebRTCConnection
from voice_agent.transports.webrtc.ice_route import IceRoute
from voice_agent.transports.webrtc.inline_receiver import receive_inline
from voice_agent.transports.webrtc.signaling import (
    Answer,
    Candidate,
    Offer,
    check_offer,
    ice_candidate,
)
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer

ANSWER_TIMEOUT_S = 10.0
"""How long making an answer may take; gathering candidates is in it."""
PEERS_A_SESSION = 4
"""How many peer connections one session may have at once; the oldest makes room."""


class WebRTCManager:
    """The open peer connections of this process.

    Args:
        route: Returns how the peer of a session may be reached.
        process: The process's name.
    """

    def __init__(
        self,
        route: Callable[[str], IceRoute] = lambda _: IceRoute(),
        *,
        process: str = FIRST_PROCESS,
    ) -> None:
        self._process = process
        self._route = route
        self._peers: dict[str, WebRTCConnection] = {}

    @property
    def open_count(self) -> int:
        """How many peer connections are open."""
        return len(self._peers)

    async def answer(
        self, offer: Offer, *, session_id: str, start: Callable[[Connection], None]
    ) -> Answer:
        """Answer an offer.

        Args:
            offer: The client's offer. One with a `pc_id` and no `restart` renegotiates.
            session_id: Whose connection it is.
            start: Called with the connection when a new one was made, before this returns.

        Raises:
            OfferInvalidError: The offer cannot be used.
            PeerNotFoundError: It renegotiates a peer that this session does not have.
            MediaRouteError: There is no address to offer, no UDP port is left, or no TURN server
                gives the relay that it takes.
        """
        check_offer(offer.sdp)
        if offer.pc_id and not offer.restart:
            peer = self._find(offer.pc_id, session_id).peer
            await self._negotiate(peer.renegotiate(sdp=offer.sdp, type="offer"))
            return self._answer_of(peer)
        await self._make_room(session_id)
        peer = SpeakingPeer(self._route(session_id), process=self._process)
        try:
            await self._negotiate(peer.initialize(sdp=offer.sdp, type="offer"))
            receive_inline(peer.pc)
            answer = self._answer_of(peer)
            _require_candidate(answer)
        except BaseException:
            await wait_closed(begin_closing(peer))
            raise
        connection = WebRTCConnection(
            peer,
            session_id=session_id,
            attempt=Attempt(offer.attempt) if offer.attempt else None,
        )
        self._peers[answer.pc_id] = connection
        connection.when_ended(lambda: self._forget(answer.pc_id))
        start(connection)
        return answer

    async def add_candidates(
        self, pc_id: str, candidates: Sequence[Candidate], *, session_id: str | None
    ) -> None:
        """Give trickled candidates to their peer connection.

        Args:
            pc_id: The id from the answer.
            candidates: What the client found.
            session_id: Whose peer it must be; None where the id alone is the proof.

        Raises:
            OfferInvalidError: One of them cannot be read.
            PeerNotFoundError: There is no such peer, or it is another session's.
        """
        connection = self._find(pc_id, session_id)
        await connection.add_candidates([ice_candidate(candidate) for candidate in candidates])

    def session_of(self, pc_id: str) -> str:
        """Return whose peer connection that is; raise PeerNotFoundError when there is none."""
        return self._find(pc_id, None).session_id

    async def close(self) -> None:
        """Close every peer connection."""
        await asyncio.gather(
            *(peer.close(CloseReason.SERVER_STOPPING) for peer in list(self._peers.values()))
        )

    async def _negotiate(self, negotiation: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await negotiation
        except TimeoutError:
            raise OfferInvalidError(
                f"no answer in {ANSWER_TIMEOUT_S:g} s; check VOICE_AGENT_ICE_SERVERS"
            ) from None
        except MediaRouteError:
            raise
        except Exception as error:
            raise OfferInvalidError(f"the offer cannot be answered: {error!r}") from error

    def _answer_of(self, peer: SpeakingPeer) -> Answer:
        answer = peer.get_answer()
        if answer is None:
            raise OfferInvalidError("the offer led to no answer")
        return Answer(sdp=answer["sdp"], pc_id=answer["pc_id"])

    async def _make_room(self, session_id: str) -> None:
        mine = [peer for peer in self._peers.values() if peer.session_id == session_id]
        for peer in mine[: max(0, len(mine) - PEERS_A_SESSION + 1)]:
            logger.bind(session_id=session_id).info("too many peers, closing the oldest")
            await peer.close(CloseReason.DISPLACED)

    def _find(self, pc_id: str, session_id: str | None) -> WebRTCConnection:
        connection = self._peers.get(pc_id)
        if connection is None or session_id not in (None, connection.session_id):
            raise PeerNotFoundError(
                f"no peer connection has the id '{pc_id}' here; send an offer first"
            )
        return connection

    def _forget(self, pc_id: str) -> None:
        self._peers.pop(pc_id, None)


def _require_candidate(answer: Answer) -> None:
    """Do nothing when the answer has a candidate; without one nobody would ever be connected."""
    if "a=candidate:" not in answer.sdp:
        raise MediaRouteError(
            "WebRTC finds no way: this machine has only loopback addresses and no TURN server, or "
            "the offer says that the client has no candidate"
        )
