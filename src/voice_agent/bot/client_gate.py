"""What a client may send beyond audio: the agent decides."""

from collections.abc import Callable, Mapping
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import models as rtvi

from voice_agent.bot.allowance import Allowance
from voice_agent.core.agent import ClientPermissions

ALWAYS_ALLOWED = frozenset({"client-ready", "disconnect-bot"})
MAX_TEXT_LENGTH = 4_000
"""Characters of one typed message."""
MAX_KEYS = 64
"""Keys of one message."""
MAX_SHOWN_TYPE = 40
"""Characters that are shown of the type of a message nobody knows."""
MAX_ID_LENGTH = 100
"""Characters of a message's id that its refusal repeats."""
MESSAGES_AT_ONCE = 20
MESSAGES_PER_SECOND = 5.0
TOO_MANY = f"too many messages: {MESSAGES_AT_ONCE} at once, then {MESSAGES_PER_SECOND:g} a second"


def refusal(message: Mapping[str, Any], permissions: ClientPermissions) -> str | None:
    """Return why an RTVI message may not pass, or None when it may.

    Args:
        message: The message as the client sent it: untrusted.
        permissions: What the agent allows.
    """
    if message.get("label") != rtvi.MESSAGE_LABEL:
        return f"a message needs the label {rtvi.MESSAGE_LABEL!r}"
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
        return _refusal_of_keys(message, permissions)
    return f"messages of type {kind[:MAX_SHOWN_TYPE]!r} are not taken here"


def _refusal_of_keys(message: Mapping[str, Any], permissions: ClientPermissions) -> str | None:
    if not permissions.dtmf:
        return "this agent does not take keys (client.dtmf is false)"
    data = message.get("data")
    buttons = data.get("buttons") if isinstance(data, Mapping) else None
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= MAX_KEYS:
        return f"dtmf needs data.buttons, a list of 1 to {MAX_KEYS} keys"
    return None


class ClientGate(FrameProcessor):
    """Stands before RTVI and lets through only what the agent allows.

    It is the first processor of the pipeline: what the transport received travels upstream
    through it to RTVI. Nothing piles up behind it: a client that sends too fast is refused, and
    not every refusal is answered then. `now` returns monotonic seconds.
    """

    def __init__(
        self, permissions: ClientPermissions, session_id: str, now: Callable[[], float]
    ) -> None:
        super().__init__()
        self._permissions = permissions
        self._session_id = session_id
        self._messages = Allowance(MESSAGES_AT_ONCE, MESSAGES_PER_SECOND, now)
        self._answers = Allowance(MESSAGES_AT_ONCE, MESSAGES_PER_SECOND, now)
        self._has_logged = False

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
        reason = refusal(message, self._permissions)
        if reason is None and not self._messages.take():
            return TOO_MANY
        return reason

    async def _refuse(self, message: object, reason: str) -> None:
        if not self._has_logged:
            self._has_logged = True
            logger.bind(session_id=self._session_id).warning(
                "refused from the client, more is not logged: {}", reason
            )
        if not self._answers.take():
            return
        message_id = message.get("id") if isinstance(message, Mapping) else None
        error = rtvi.ErrorResponse(
            id=str(message_id or "")[:MAX_ID_LENGTH], data=rtvi.ErrorResponseData(error=reason)
        )
        await self.push_frame(
            OutputTransportMessageUrgentFrame(message=error.model_dump(exclude_none=True))
        )
