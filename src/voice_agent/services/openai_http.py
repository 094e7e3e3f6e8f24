"""The HTTP client that all calls to OpenAI-compatible servers share."""

import asyncio
from typing import Any, Final

from openai import DefaultAsyncHttpxClient, Timeout
from pipecat.utils.http import connection_limits

from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind

CONNECT_TIMEOUT_S: Final = 5.0
SILENCE_TIMEOUT_S: Final = 30.0
"""Longest pause between two bytes of an answer; a local server may load its model first."""
_KEEP_ALIVE_S: Final = 120.0
_CONNECTIONS: Final = 1000
_IDLE_CONNECTIONS: Final = 100


def _make() -> Any:
    return DefaultAsyncHttpxClient(
        timeout=Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        limits=connection_limits(
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_KEEP_ALIVE_S,
        ),
    )


async def _create() -> Any:
    # In a thread: reading the certificates takes 150 to 200 ms.
    return await asyncio.to_thread(_make)


async def _close(client: Any) -> None:
    await client.aclose()


HTTP_CLIENT: Final[Resource[Any]] = Resource(
    key=ResourceKey(ResourceKind.SHARED, "http", "openai"), create=_create, close=_close
)
"""One client a process, with its connections, for speech and language models alike.

Its type is that of the HTTP library which the installed `openai` is built on.
"""
