"""How a caller's connection is made: the addresses that both servers have."""

import contextlib
from typing import Final, Protocol

import aiohttp

from voice_agent.bench.load.pacing import Pacing
from voice_agent.client import rtvi
from voice_agent.client.errors import CallError
from voice_agent.client.media import Media, MediaListener
from voice_agent.client.opus import OPUS_RATE
from voice_agent.client.signalling import Signalling, TransportName, TransportOffer
from voice_agent.client.webrtc import WebRTCMedia
from voice_agent.client.websocket import PLAYER_RATE, WebSocketMedia

CONNECT_TIMEOUT_S: Final = 15.0
DEFLATE_WINDOW_BITS: Final = 15
"""What every browser offers; whether audio is compressed is the server's choice."""


class LoadCaller(MediaListener, Protocol):
    """Who calls: what a connection tells, beside its audio, to whom it belongs."""

    pacing: Pacing

    def hang_up(self) -> None:
        """Take it that what ends from now on ends because the caller wants it."""
        ...

    def fail(self, why: str) -> None:
        """Take it that the call failed."""
        ...


def sample_rate(transport: TransportName) -> int:
    """Return the rate at which a caller hears over `transport`, in Hz."""
    return OPUS_RATE if transport is TransportName.WEBRTC else PLAYER_RATE


class Connection:
    """One caller on one connection to the server at `url`."""

    def __init__(
        self, url: str, transport: TransportName, caller: LoadCaller, http: aiohttp.ClientSession
    ) -> None:
        self._caller = caller
        self._media: Media
        if transport is TransportName.WEBRTC:
            offer = TransportOffer(transport, f"{url}/api/offer")
            signalling = Signalling(url, http, CONNECT_TIMEOUT_S)
            self._media = WebRTCMedia(offer, "", signalling, caller, CONNECT_TIMEOUT_S)
        else:
            self._media = WebSocketMedia(
                f"{url}/ws", http, caller, CONNECT_TIMEOUT_S, compress=DEFLATE_WINDOW_BITS
            )

    async def open(self) -> None:
        """Connect and begin to send; a call that cannot be made is one that failed."""
        try:
            await self._media.connect()
            await self._media.start(microphone=True)
            await self._media.send_message(rtvi.client_ready("1"))
        except CallError as error:
            self._caller.fail(str(error))

    async def close(self) -> None:
        """Hang up."""
        self._caller.hang_up()
        with contextlib.suppress(TimeoutError, CallError):
            await self._media.close()
