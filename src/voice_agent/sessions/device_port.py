"""Serves one device after the other on its own port: a session each."""

import asyncio
from collections.abc import Callable

from loguru import logger

from voice_agent.core.errors import VoiceAgentError
from voice_agent.sessions.manager import SessionManager
from voice_agent.transports.base import Connection

PAUSE_S = 1.0
"""Seconds between two sessions, so that one that fails at once does not spin."""


async def serve_device(sessions: SessionManager, connect: Callable[[str], Connection]) -> None:
    """Run sessions of the default agent until cancelled.

    Args:
        sessions: Where they are created.
        connect: Returns the connection of the device that comes next, for a session's id.
    """
    while True:
        try:
            created = await sessions.create(resumable=False)
            await sessions.run_leg(created.session_id, connect(created.session_id))
        except VoiceAgentError as error:
            logger.warning("no session for the device: {}", error)
        await asyncio.sleep(PAUSE_S)
