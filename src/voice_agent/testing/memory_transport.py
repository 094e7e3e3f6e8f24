"""A Pipecat transport in memory, paced as a loudspeaker is."""

import asyncio
import time
from typing import Any, Protocol

from pipecat.frames.frames import (
    InputAudioRawFrame,
    InputTransportMessageFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport, TransportParams

from voice_agent.transports.base_output import SpeakingOutput
from voice_agent.transports.receiving_input import ReceivingInput

ClientFrame = InputAudioRawFrame | InputTransportMessageFrame


class Wire(Protocol):
    """What connects the transport with a client."""

    @property
    def is_open(self) -> bool:
        """Whether the client can still be reached."""

    async def receive(self) -> ClientFrame:
        """Return the next thing the client sent."""

    def play(self, audio: bytes) -> None:
        """Let the client hear `audio`, of the pipeline's output rate."""

    def stop_playing(self) -> None:
        """Tell the client that the agent was interrupted."""

    def deliver(self, message: Any) -> None:
        """Give the client a message."""


class MemoryInputTransport(ReceivingInput):
    """Takes in what the client sends."""

    def __init__(self, wire: Wire, params: TransportParams) -> None:
        super().__init__(params)
        self._wire = wire

    async def receive(self) -> None:
        """Take in audio and messages."""
        while True:
            frame = await self._wire.receive()
            if isinstance(frame, InputAudioRawFrame):
                await self.push_audio_frame(frame)
            else:
                await self.broadcast_frame(InputTransportMessageFrame, message=frame.message)


class MemoryOutputTransport(SpeakingOutput):
    """Plays to the client, no faster than sound."""

    def __init__(self, wire: Wire, params: TransportParams) -> None:
        super().__init__(params)
        self._wire = wire
        self._free_at = 0.0

    async def start(self, frame: StartFrame) -> None:
        """Be ready to play."""
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        """Tell the client about interruptions."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._free_at = 0.0
            self._wire.stop_playing()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Return True when `frame` was played, after the time that takes."""
        if not self._wire.is_open:
            return False
        self._wire.play(frame.audio)
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + frame.num_frames / frame.sample_rate
        await asyncio.sleep(self._free_at - now)
        return True

    async def send_message(
        self, frame: OutputTransportMessageFrame | OutputTransportMessageUrgentFrame
    ) -> None:
        """Hand the message to the client."""
        if self._wire.is_open:
            self._wire.deliver(frame.message)


class MemoryTransport(BaseTransport):
    """Both directions."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        params = TransportParams(
            audio_in_enabled=True, audio_out_enabled=True, audio_out_end_silence_secs=0
        )
        self._input = MemoryInputTransport(wire, params)
        self._output = MemoryOutputTransport(wire, params)

    def input(self) -> FrameProcessor:
        """Return the processor that receives."""
        return self._input

    def output(self) -> FrameProcessor:
        """Return the processor that plays."""
        return self._output
