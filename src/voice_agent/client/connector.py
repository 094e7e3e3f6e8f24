"""From a server's address to an open connection: asks for a session and races its transports."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import aiohttp

from voice_agent.client.entrant_listener import EntrantListener
from voice_agent.client.errors import CallError, CallRefusedError
from voice_agent.client.losses import is_final
from voice_agent.client.media import Media, MediaListener
from voice_agent.client.race import Race
from voice_agent.client.signalling import (
    Invitation,
    Signalling,
    TransportName,
    TransportOffer,
    normal_url,
    with_attempt,
)

RECONNECT_TIMEOUT_S = 5.0
"""How long each transport may take to connect when the client comes back."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom to call, and how.

    Attributes:
        url: The server's address.
        transport: The transport to use; None tries what the server offers, in its order.
        agent: The agent's id; None for the server's default.
        timeout_s: For each step of connecting, in seconds.
        verify_tls: False to accept any certificate.
        invitation: The session to come back to; None for a new one.
        silence_s: Seconds of silence after which a connection counts as lost; None leaves it to
            the transports to notice.
        key: Shown when a session is asked for; None shows nothing.
    """

    url: str
    transport: TransportName | None = None
    agent: str | None = None
    timeout_s: float = 10.0
    verify_tls: bool = True
    invitation: Invitation | None = None
    silence_s: float | None = None
    key: str | None = None


class Connector:
    """Makes the connection of one call, and owns it.

    Attributes:
        invitation: What the server answered; None before.
        media: The connection that is open or being tried; None before.
        attempts: The transports that were tried in vain, with the reason.
    """

    def __init__(self, destination: Destination, clock: Callable[[], float]) -> None:
        self._destination = destination
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self.invitation: Invitation | None = None
        self.media: Media | None = None
        self.attempts: list[tuple[TransportName, CallError]] = []
        self._carried: TransportName | None = None
        self._freeing: set[asyncio.Task[None]] = set()

    async def connect(self, listener: MediaListener, trying: Callable[[Media], None]) -> Media:
        """Connects.

        Args:
            listener: The call.
            trying: Told each medium before it connects.

        Returns:
            The open connection.

        Raises:
            CallRefusedError: The server said no, or does not offer the transport.
            ServerUnreachableError: It does not answer, or no transport gets through.
        """
        destination = self._destination
        base_url = normal_url(destination.url)
        self._http = self._http_client()
        signalling = Signalling(base_url, self._http, destination.timeout_s)
        invitation = destination.invitation
        if invitation is None:
            invitation = await signalling.create_session(
                destination.agent, destination.transport, destination.key
            )
        self.invitation = invitation
        offers = _wanted(invitation.transports, destination.transport)
        return await self._race(offers, signalling, listener, trying, self.attempts)

    async def reconnect(self, listener: MediaListener, trying: Callable[[Media], None]) -> Media:
        """Connects once more to the same session, last over the transport that it was lost over.

        Args:
            listener: The call.
            trying: Told each medium before it connects.

        Returns:
            The open connection.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: It does not answer, or no transport gets through.
        """
        assert self.invitation is not None, "connect comes first"
        assert self._http is not None
        # What an earlier connection was left with may be as dead as the one that was lost.
        self._free(self._http.close())
        self._http = self._http_client()
        destination = self._destination
        timeout_s = min(destination.timeout_s, RECONNECT_TIMEOUT_S)
        signalling = Signalling(normal_url(destination.url), self._http, timeout_s)
        offers = _wanted(self.invitation.transports, destination.transport)
        # What it was lost over comes last: it may be lost there again.
        offers = tuple(sorted(offers, key=lambda offer: offer.type is self._carried))
        return await self._race(offers, signalling, listener, trying, [], is_final=is_final)

    def abandon(self) -> None:
        """Lets go of the connection without a word to the server, and frees it meanwhile.

        A goodbye that reached the server after all would end the session.
        """
        if self.media is None:
            return
        media, self.media = self.media, None
        self._let_go(media)

    async def close(self) -> None:
        """Closes the connection. May be called twice."""
        if self.media is not None:
            await self.media.close()
        await asyncio.gather(*self._freeing, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def _http_client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._destination.verify_tls),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _free(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="freeing a lost connection")
        self._freeing.add(task)
        task.add_done_callback(self._freeing.discard)

    def _let_go(self, media: Media) -> None:
        self._free(_abandon(media))

    async def _race(
        self,
        offers: Sequence[TransportOffer],
        signalling: Signalling,
        listener: MediaListener,
        trying: Callable[[Media], None],
        failures: list[tuple[TransportName, CallError]],
        *,
        is_final: Callable[[CallError], bool] = lambda _: False,
    ) -> Media:
        """Makes one attempt over all of `offers`, and takes the medium that connects first."""
        attempt = uuid4().hex
        listeners: dict[Media, EntrantListener] = {}

        def entrant(offer: TransportOffer) -> Media:
            between = EntrantListener(listener)
            media = self._build(offer, signalling, between, attempt)
            listeners[media] = between
            trying(media)
            return media

        entrants = [partial(entrant, offer) for offer in offers]
        race = Race(entrants, self._let_go, is_final=is_final)
        try:
            media = await race.run()
        finally:
            failures += race.failures
        self.media, self._carried = media, media.name
        trying(media)
        listeners[media].win()
        return media

    def _build(
        self,
        offer: TransportOffer,
        signalling: Signalling,
        listener: MediaListener,
        attempt: str,
    ) -> Media:
        assert self._http is not None
        assert self.invitation is not None
        silence_s = self._destination.silence_s
        # A call needs one of the two stacks, and WebRTC's takes a third of a second to load.
        if offer.type is TransportName.WEBRTC:
            from voice_agent.client.webrtc import WebRTCMedia  # noqa: PLC0415

            return WebRTCMedia(
                offer,
                self.invitation.token,
                signalling,
                listener,
                signalling.timeout_s,
                self._clock,
                attempt=attempt,
                silence_s=silence_s,
            )
        from voice_agent.client.websocket import WebSocketMedia  # noqa: PLC0415

        url = with_attempt(offer.url, attempt)
        return WebSocketMedia(
            url, self._http, listener, signalling.timeout_s, self._clock, silence_s=silence_s
        )


async def _abandon(media: Media) -> None:
    await media.abort(silently=False)
    await media.close()


def _wanted(
    offers: tuple[TransportOffer, ...], transport: TransportName | None
) -> tuple[TransportOffer, ...]:
    wanted = tuple(offer for offer in offers if transport in {None, offer.type})
    if not wanted:
        offered = ", ".join(offer.type for offer in offers) or "no transport"
        raise CallRefusedError(f"the server offers {offered}, not {transport or 'any we know'}")
    return wanted
