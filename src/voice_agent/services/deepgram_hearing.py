"""Pipecat's Deepgram service, connecting while the call begins instead of before.

The one file that knows the insides of Pipecat's service.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Final

from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.stt_service import STTService

HELD_S: Final = 5.0
"""How much of what is heard before the connection is there is sent later; the newest is kept."""


class PromptDeepgramSTTService(DeepgramSTTService):
    """Lets the pipeline start, and the agent greet, while its handshake is under way.

    Pipecat's own waits for the handshake before anything is said: about a fifth of a second.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._connecting: asyncio.Task[None] | None = None
        self._held: deque[bytes] = deque()
        self._held_bytes = 0

    async def setup(  # type: ignore[override] # as FrameProcessor itself overrides BaseObject
        self, setup: FrameProcessorSetup
    ) -> None:
        """Set up, and begin to connect."""
        await STTService.setup(self, setup)
        connecting = self._connect()  # type: ignore[no-untyped-call]
        self._connecting = self.create_task(connecting, "connecting")

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Send `audio`; as long as the first connection is not there, hold it."""
        if self._connecting is not None and not self._connecting.done():
            self._hold(audio)
            yield None
            return
        while self._held:
            async for frame in super().run_stt(self._held.popleft()):
                yield frame
        async for frame in super().run_stt(audio):
            yield frame

    def _hold(self, audio: bytes) -> None:
        self._held.append(audio)
        self._held_bytes += len(audio)
        while self._held_bytes > HELD_S * self.sample_rate * 2:
            self._held_bytes -= len(self._held.popleft())

    async def _disconnect(self) -> None:
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            await self.cancel_task(connecting)
        self._held.clear()
        await super()._disconnect()  # type: ignore[no-untyped-call]
