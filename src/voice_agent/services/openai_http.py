"""The HTTP client that all calls to OpenAI-compatible servers share."""

import asyncio
import math
from typing import Final

from loguru import logger
from openai import DefaultAsyncHttpxClient, Timeout
from pipecat.utils.http import connection_limits

from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind

CONNECT_TIMEOUT_S: Final = 5.0
SILENCE_TIMEOUT_S: Final = 30.0
"""Longest pause between two bytes of an answer; a local server may load its model first."""
_KEEP_ALIVE_S: Final = 120.0
"""Longer than a caller listens or thinks; a server that closes sooner is noticed."""
_OPEN_AGAIN_S: Final = 60.0
_OPENED_AHEAD: Final = 2
"""An answer's first sentence is spoken while the language model still sends the second."""
_CONNECTIONS: Final = 1000
_IDLE_CONNECTIONS: Final = 100


class SharedHttpClient(DefaultAsyncHttpxClient):
    """Keeps its connections, and opens them ahead of the first request that needs one."""

    def __init__(self) -> None:
        super().__init__(
            timeout=Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=connection_limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_IDLE_CONNECTIONS,
                keepalive_expiry=_KEEP_ALIVE_S,
            ),
        )
        self._opened_at: dict[str, float] = {}
        self._opening: set[asyncio.Task[None]] = set()

    def open_ahead(self, base_url: str) -> None:
        """See that connections to the server at `base_url` are open soon.

        Called when a call begins: its first answer then waits for no handshake. Asks at most once
        a minute, without a key, for nothing; whatever is answered, the connections stay.
        """
        now = asyncio.get_running_loop().time()
        if now - self._opened_at.get(base_url, -math.inf) < _OPEN_AGAIN_S:
            return
        self._opened_at[base_url] = now
        for _ in range(_OPENED_AHEAD):
            opening = asyncio.create_task(self._open(base_url), name="opening a connection")
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def aclose(self) -> None:
        """Close all connections."""
        opening = tuple(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        await super().aclose()

    async def _open(self, base_url: str) -> None:
        try:
            await self.head(base_url, timeout=CONNECT_TIMEOUT_S, follow_redirects=False)
        except Exception as error:  # noqa: BLE001 - a request that matters will tell what is wrong
            logger.debug("no connection to {} ahead of need: {!r}", base_url, error)


async def _create() -> SharedHttpClient:
    # In a thread: reading the certificates takes 150 to 200 ms.
    return await asyncio.to_thread(SharedHttpClient)


async def _close(client: SharedHttpClient) -> None:
    await client.aclose()


HTTP_CLIENT: Final[Resource[SharedHttpClient]] = Resource(
    key=ResourceKey(ResourceKind.SHARED, "http", "openai"), create=_create, close=_close
)
"""One client a process, with its connections, for speech and language models alike."""
