"""Closes peer connections, each once and to its end, however long that takes.

aiortc's close must not be cancelled: cut off half-way it never finishes, and neither does any later
one. So it runs in a task of its own, and who has no more time stops waiting.
"""

import asyncio

from loguru import logger
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

CLOSE_TIMEOUT_S = 3.0
"""How long anybody waits for a peer connection to close."""

_closings: set[asyncio.Task[None]] = set()
"""Held here until they are over, also when nobody waits for them any more."""


def begin_closing(peer: SmallWebRTCConnection) -> asyncio.Task[None]:
    """Begin to close `peer` and return the task, which never fails; it must not be cancelled."""
    closing = asyncio.create_task(_close(peer), name=f"{peer.pc_id} closing")
    _closings.add(closing)
    closing.add_done_callback(_closings.discard)
    return closing


async def wait_closed(closing: asyncio.Task[None]) -> bool:
    """Wait for a task of `begin_closing` and return whether it ended within `CLOSE_TIMEOUT_S`."""
    done, _ = await asyncio.wait({closing}, timeout=CLOSE_TIMEOUT_S)
    return bool(done)


async def _close(peer: SmallWebRTCConnection) -> None:
    try:
        await peer.disconnect()
    except Exception as error:  # noqa: BLE001 - nothing is left to do with a peer that is closed
        logger.debug("closing peer connection {}: {!r}", peer.pc_id, error)
