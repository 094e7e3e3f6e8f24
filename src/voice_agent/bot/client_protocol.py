"""RTVI, the protocol of Pipecat's clients, as an agent of ours speaks it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIProcessor
from pipecat.processors.frameworks.rtvi import models as rtvi

from voice_agent.services.provider import Stage

FAILURES: Mapping[Stage, str] = MappingProxyType(
    {
        Stage.STT: "speech recognition failed",
        Stage.LLM: "the language model failed",
        Stage.TTS: "the voice failed",
    }
)
"""What the client is told when a provider fails."""
OTHER_FAILURE = "something in the call failed"


class ClientProtocol(RTVIProcessor):
    """Says less and cuts off less than Pipecat's own.

    What a provider says of its failure may name keys, addresses and instructions, so the client is
    told only what failed. And typed text interrupts only an agent that may be interrupted; with
    any other it waits until the agent has spoken.

    Args:
        interruptible: Whether the agent may be interrupted.
        stages: What each of the pipeline's providers is there for.
    """

    def __init__(self, *, interruptible: bool, stages: Mapping[FrameProcessor, Stage]) -> None:
        super().__init__()
        self._interruptible = interruptible
        self._stages = stages
        self._client_knows_us = False
        self._notices: list[Mapping[str, Any]] = []

    def tell(self, notice: Mapping[str, Any]) -> None:
        """Send the client a server message; once it has said that it is ready to hear."""
        if self._client_knows_us:
            self.create_task(self.send_server_message(notice), "notice")
        else:
            self._notices.append(notice)

    async def set_bot_ready(self, about: Mapping[str, Any] | None = None) -> None:
        """Answer a client that is ready; what it was to be told follows."""
        await super().set_bot_ready(about)
        self._client_knows_us = True
        while self._notices:
            await self.send_server_message(self._notices.pop(0))

    async def interrupt_bot(self) -> None:
        """Interrupt the agent if that is allowed; Pipecat then waits until all is said."""
        if self._interruptible:
            await super().interrupt_bot()  # type: ignore[no-untyped-call]

    async def take_text(self, text: str) -> None:
        """Take `text` as if the client had typed it."""
        data = rtvi.SendTextData(content=text)
        await self._handle_send_text(data, message_id="")

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Do as Pipecat does, but tell the client of an error only what failed."""
        if not isinstance(frame, ErrorFrame):
            await super().process_frame(frame, direction)
            return
        stage = self._stages.get(frame.processor) if frame.processor else None
        words = FAILURES[stage] if stage else OTHER_FAILURE
        await self.push_transport_message(
            rtvi.Error(data=rtvi.ErrorData(error=words, fatal=frame.fatal))
        )
        await self.push_frame(frame, direction)
