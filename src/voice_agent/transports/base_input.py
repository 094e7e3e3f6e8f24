"""Where a caller's audio enters a pipeline: voice activity at the door, audio in parcels."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pipecat.audio.vad.vad_analyzer import VADAnalyzer
from pipecat.audio.vad.vad_controller import VADController
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    StartFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.transports.base_input import BaseInputTransport

PARCEL_S = 0.1
"""Seconds of audio that travel through the pipeline as one frame."""
SLICE_S = 0.032
"""Longest audio that is judged at once, one window of Silero: what begins and ends inside a longer
message is noticed too."""
SLICES_AT_ONCE = 10
"""Slices of one message after which others get their turn: 2 ms of Silero's work."""


class HearingInput(BaseInputTransport):
    """What each transport's input adds to Pipecat's; stands before it among the base classes.

    Once told what to hear with, it does three things where Pipecat's default costs most of a
    call's CPU time. It judges voice activity itself, without a thread, instead of the user
    aggregator, and pushes Pipecat's frames of it. It passes audio on in parcels of `PARCEL_S`, cut
    at every edge of speech, so that what follows has heard all up to that edge, once and in order.
    And it does so without the queue and the task that Pipecat's input has between the two.

    Nobody gets a `UserSpeakingFrame`: in this project nothing listens for it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._activity: VADController | None = None
        self._analyzer: VADAnalyzer | None = None
        self._listener: Callable[[bytes], None] | None = None
        self._parcel = bytearray()
        self._parcel_bytes = 0
        self._slice_bytes = 0
        # Only the controller sees it: making a frame takes as long as all the rest beside Silero.
        self._judged = self._audio_frame(b"")

    def hear_with(self, analyzer: VADAnalyzer) -> None:
        """Judge voice activity with `analyzer`, which must not need a thread; before setup."""
        self._analyzer = analyzer
        self._activity = VADController(analyzer)
        self._activity.add_event_handler("on_speech_started", self._on_speech_started)
        self._activity.add_event_handler("on_speech_stopped", self._on_speech_stopped)
        self._activity.add_event_handler("on_broadcast_frame", self._on_broadcast_frame)

    def let_listen(self, listener: Callable[[bytes], None]) -> None:
        """Have `listener` called with each parcel too: mono PCM16 of the pipeline's rate."""
        self._listener = listener

    async def setup(  # type: ignore[override] # as FrameProcessor itself overrides BaseObject
        self, setup: FrameProcessorSetup
    ) -> None:
        """Prepare for the pipeline's sample rate."""
        await super().setup(setup)
        self._parcel_bytes = round(PARCEL_S * self.sample_rate) * 2
        self._slice_bytes = round(SLICE_S * self.sample_rate) * 2
        if self._activity is not None:
            await self._activity.setup(setup)

    async def start(self, frame: StartFrame) -> None:
        """Begin to hear."""
        if self._activity is not None:
            await self._activity.start()
        await super().start(frame)

    async def stop(self, frame: EndFrame) -> None:
        """Hear no more."""
        if self._activity is not None:
            await self._activity.stop()
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        """Hear no more."""
        if self._activity is not None:
            await self._activity.stop()
        await super().cancel(frame)

    async def cleanup(self) -> None:
        """Leave nothing behind."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        if self._activity is not None:
            await self._activity.cleanup()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Do as Pipecat does; what was heard before the end goes before it."""
        if isinstance(frame, EndFrame):
            await self._pass_on()
        await super().process_frame(frame, direction)

    async def keep_hearing(self, receiving: Awaitable[None]) -> None:
        """Await `receiving`, which takes in what the caller says; end the leg when it fails.

        Pipecat only logs it: the call would go on, with an agent that hears nothing.
        """
        try:
            await receiving
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing is heard any more
            await self.push_error(
                f"the caller cannot be heard any more: {error!r}",
                exception=error,
                force_treat_as_permanent=True,
            )

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Take in mono audio of the pipeline's rate."""
        if self._activity is None:
            await super().push_audio_frame(frame)
        else:
            await self.hear(frame.audio)

    async def hear(self, audio: bytes) -> None:
        """Take in mono 16-bit audio of the pipeline's rate; what `push_audio_frame` does."""
        if self._activity is None:
            await super().push_audio_frame(self._audio_frame(audio))
            return
        if self._paused or not self._params.audio_in_enabled:
            return
        if len(audio) <= self._slice_bytes:
            await self._judge(self._activity, audio)
            return
        for count, start in enumerate(range(0, len(audio), self._slice_bytes), start=1):
            await self._judge(self._activity, audio[start : start + self._slice_bytes])
            if count % SLICES_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _judge(self, activity: VADController, audio: bytes) -> None:
        self._parcel += audio
        self._judged.audio = audio
        await activity.process_frame(self._judged)
        if len(self._parcel) >= self._parcel_bytes:
            await self._pass_on()

    async def _pass_on(self) -> None:
        if self._parcel:
            audio = bytes(self._parcel)
            self._parcel.clear()
            if self._listener is not None:
                self._listener(audio)
            await self.push_frame(self._audio_frame(audio))

    def _audio_frame(self, audio: bytes) -> InputAudioRawFrame:
        return InputAudioRawFrame(audio=audio, sample_rate=self.sample_rate, num_channels=1)

    async def _on_speech_started(self, _: object) -> None:
        await self._pass_on()
        assert self._analyzer is not None
        await self.broadcast_frame(
            VADUserStartedSpeakingFrame, start_secs=self._analyzer.params.start_secs
        )

    async def _on_speech_stopped(self, _: object) -> None:
        await self._pass_on()
        assert self._analyzer is not None
        await self.broadcast_frame(
            VADUserStoppedSpeakingFrame, stop_secs=self._analyzer.params.stop_secs
        )

    async def _on_broadcast_frame(self, _: object, kind: type[Frame], **fields: Any) -> None:
        await self.broadcast_frame(kind, **fields)
