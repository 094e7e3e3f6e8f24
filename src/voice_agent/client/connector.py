"""From a server's address to an open connection: asks for a session and tries its transports."""

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from voice_agent.client.errors import CallError, CallRefusedError, ServerUnreachableError
from voice_agent.client.media import Media, MediaListener
from voice_agent.client.signalling import (
    Invitation,
    Signalling,
    TransportName,
    TransportOffer,
    normal_url,
)


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
        key: Shown when a session is asked for; None shows nothing.
    """

    url: str
    transport: TransportName | None = None
    agent: str | None = None
    timeout_s: float = 10.0
    verify_tls: bool = True
    invitation: Invitation | None = None
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
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=destination.verify_tls),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        signalling = Signalling(base_url, self._http, destination.timeout_s)
        invitation = self.invitation or destination.invitation
        if invitation is None:
            invitation = await signalling.create_session(
                destination.agent, destination.transport, destination.key
            )
        self.invitation = invitation
        before = len(self.attempts)
        for offer in _wanted(invitation.transports, destination.transport):
            media = self._build(offer, signalling, invitation.token, listener)
            self.media = media
            trying(media)
            try:
                await media.connect()
            except (ServerUnreachableError, CallRefusedError) as error:
                self.attempts.append((offer.type, error))
                await media.close()
            else:
                return media
        tried = self.attempts[before:]
        if len(tried) == 1:
            raise tried[0][1]
        refusals = [error for _, error in tried if isinstance(error, CallRefusedError)]
        if len(refusals) == len(tried) and len({error.status for error in refusals}) == 1:
            raise refusals[0]
        reasons = "; ".join(f"{name}: {error}" for name, error in tried)
        raise ServerUnreachableError(f"no transport got through: {reasons}")

    async def close(self) -> None:
        """Closes the connection. May be called twice, and `connect` once more afterwards."""
        if self.media is not None:
            await self.media.close()
            self.media = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _build(
        self, offer: TransportOffer, signalling: Signalling, token: str, listener: MediaListener
    ) -> Media:
        assert self._http is not None
        timeout_s = self._destination.timeout_s
        # A call needs one of the two stacks, and WebRTC's takes a third of a second to load.
        if offer.type is TransportName.WEBRTC:
            from voice_agent.client.webrtc import WebRTCMedia  # noqa: PLC0415

            return WebRTCMedia(offer, token, signalling, listener, timeout_s, self._clock)
        from voice_agent.client.websocket import WebSocketMedia  # noqa: PLC0415

        return WebSocketMedia(offer.url, self._http, listener, timeout_s, self._clock)


def _wanted(
    offers: tuple[TransportOffer, ...], transport: TransportName | None
) -> tuple[TransportOffer, ...]:
    wanted = tuple(offer for offer in offers if transport in {None, offer.type})
    if not wanted:
        offered = ", ".join(offer.type for offer in offers) or "no transport"
        raise CallRefusedError(f"the server offers {offered}, not {transport or 'any we know'}")
    return wanted
