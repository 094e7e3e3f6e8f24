"""The TLS context that connections to providers share."""

import asyncio
import ssl
from typing import Final

from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind


async def _create() -> ssl.SSLContext:
    # In a thread: reading the certificates takes 20 to 60 ms, for each connection without this.
    return await asyncio.to_thread(ssl.create_default_context)


TLS_CONTEXT: Final[Resource[ssl.SSLContext]] = Resource(
    key=ResourceKey(ResourceKind.SHARED, "tls", "system"), create=_create
)
"""Trusts whom this machine trusts."""
