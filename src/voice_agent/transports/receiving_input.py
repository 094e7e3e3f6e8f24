"""An input that takes in what its client sends, in a task of its own."""

import asyncio
from abc import abstractmethod
from typing import Any

from pipecat.frames.frames import CancelFrame, ClientConnectedFrame, EndFrame, StartFrame

from voice_agent.transports.base_input import HearingInput


class ReceivingInput(HearingInput):
    """Receives from the pipeline's start to its end; the client is there all the while."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receiving: asyncio.Task[None] | None = None

    @abstractmethod
    async def receive(self) -> None:
        """Take in what comes until nothing more can; runs in a task."""

    async def let_go(self) -> None:
        """Receive no more. Calling it again does nothing."""
        if self._receiving is not None:
            await self.cancel_task(self._receiving)
            self._receiving = None

    async def start(self, frame: StartFrame) -> None:
        """Begin to receive."""
        await super().start(frame)
        await self.push_frame(ClientConnectedFrame())
        await self.set_transport_ready(frame)
        if self._receiving is None:
            self._receiving = self.create_task(self.keep_hearing(self.receive()))

    async def stop(self, frame: EndFrame) -> None:
        """Receive no more."""
        await super().stop(frame)
        await self.let_go()

    async def cancel(self, frame: CancelFrame) -> None:
        """Receive no more."""
        await super().cancel(frame)
        await self.let_go()

    async def cleanup(self) -> None:
        """Leave nothing behind."""
        await super().cleanup()
        await self.let_go()
