"""Pipecat's Deepgram service, connecting while the call begins instead of before.

The one file that knows the insides of Pipecat's service.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any, Final

from deepgram import AsyncDeepgramClient
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.deepgram import stt
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.stt_service import STTService

HELD_S: Final = 5.0
"""How much of what is heard before the connection is there is sent later; the newest is kept."""


def make_client(api_key: str, base_url: str) -> AsyncDeepgramClient:
    """Return what the legs of a process share: it reads the certificates, which takes 25 to 60 ms.

    Pipecat's service makes one for itself, and knows how.
    """
    client: AsyncDeepgramClient = DeepgramSTTService(api_key=api_key, base_url=base_url)._client
    return client


@contextmanager
def _instead_of_its_own(client: AsyncDeepgramClient) -> Iterator[None]:
    """Let a service that is made inside use `client`."""
    own: Any = vars(stt)["AsyncDeepgramClient"]
    setattr(stt, "AsyncDeepgramClient", lambda **_: client)  # noqa: B010 - it is a class
    try:
        yield
    finally:
        setattr(stt, "AsyncDeepgramClient", own)  # noqa: B010


class PromptDeepgramSTTService(DeepgramSTTService):
    """Lets the pipeline start, and the agent greet, while its handshake is under way.

    Pipecat's own waits for the handshake before anything is said: about a fifth of a second.
    """

    def __init__(self, *, client: AsyncDeepgramClient, **kwargs: Any) -> None:
        with _instead_of_its_own(client):
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
