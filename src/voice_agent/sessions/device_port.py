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
    """Run sessions of the default agent until the manager closes, or until cancelled.

    A session waits for its device with the agent as it was when the wait began; a changed agent
    file counts from the session after it on.

    Args:
        sessions: Where they are created.
        connect: Returns the connection of the device that comes next, for a session's id.
    """
    last_failure = ""
    while not sessions.is_closing:
        try:
            await _serve_once(sessions, connect)
            last_failure = ""
        except Exception as error:  # noqa: BLE001 - the port must outlive one session's fault
            if repr(error) != last_failure and not sessions.is_closing:
                last_failure = repr(error)
                unexpected = None if isinstance(error, VoiceAgentError) else error
                logger.opt(exception=unexpected).warning(
                    "no session for the device, trying again: {}", error
                )
        await asyncio.sleep(PAUSE_S)


async def _serve_once(sessions: SessionManager, connect: Callable[[str], Connection]) -> None:
    created = await sessions.create(resumable=False)
    try:
        connection = connect(created.session_id)
    except Exception:
        await sessions.end(created.session_id)
        raise
    await sessions.run_leg(created.session_id, connection)
