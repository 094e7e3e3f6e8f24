"""What a client may send beyond audio: the agent decides."""

from collections.abc import Mapping
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import models as rtvi

from voice_agent.core.agent import ClientPermissions

ALWAYS_ALLOWED = frozenset({"client-ready", "disconnect-bot"})
MAX_TEXT_LENGTH = 4_000
"""Characters of one typed message."""


def refusal(message: Mapping[str, Any], permissions: ClientPermissions) -> str | None:
    """Return why an RTVI message may not pass, or None when it may.

    Args:
        message: The message as the client sent it: untrusted.
        permissions: What the agent allows.
    """
    kind = message.get("type")
    if not isinstance(kind, str):
        return "a message needs a type"
    if kind in ALWAYS_ALLOWED:
        return None
    if kind == "send-text":
        if not permissions.text:
            return "this agent does not take typed text (client.text is false)"
        data = message.get("data")
        content = data.get("content") if isinstance(data, Mapping) else None
        if not isinstance(content, str) or not content.strip():
            return "send-text needs data.content, a text that is not empty"
        if len(content) > MAX_TEXT_LENGTH:
            return f"typed text is limited to {MAX_TEXT_LENGTH} characters, this has {len(content)}"
        return None
    if kind == "llm-function-call-result":
        if permissions.function_results:
            return None
        return "this agent does not take function results (client.function_results is false)"
    if kind == "dtmf":
        return None if permissions.dtmf else "this agent does not take keys (client.dtmf is false)"
    return f"messages of type {kind!r} are not taken here"


class ClientGate(FrameProcessor):
    """Stands before RTVI and lets through only what the agent allows.

    It is the first processor of the pipeline: what the transport received travels upstream
    through it to RTVI.
    """

    def __init__(self, permissions: ClientPermissions, session_id: str) -> None:
        super().__init__()
        self._permissions = permissions
        self._session_id = session_id
        self._logged: set[str] = set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass everything but messages that are not allowed."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputTransportMessageFrame):
            if direction is FrameDirection.DOWNSTREAM:
                return  # nothing further down listens to the copy
            reason = self._refusal(frame.message)
            if reason is not None:
                await self._refuse(frame.message, reason)
                return
        await self.push_frame(frame, direction)

    def _refusal(self, message: object) -> str | None:
        if not isinstance(message, Mapping):
            return "a message is a JSON object"
        return refusal(message, self._permissions)

    async def _refuse(self, message: object, reason: str) -> None:
        if reason not in self._logged:
            self._logged.add(reason)
            logger.bind(session_id=self._session_id).warning("refused from the client: {}", reason)
        message_id = message.get("id") if isinstance(message, Mapping) else None
        error = rtvi.ErrorResponse(
            id=str(message_id or ""), data=rtvi.ErrorResponseData(error=reason)
        )
        await self.push_frame(
            OutputTransportMessageUrgentFrame(message=error.model_dump(exclude_none=True))
        )
