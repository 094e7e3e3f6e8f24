"""Pipecat's WebRTC transport, sending ready Opus and falling silent at once when interrupted.

The one file that knows the insides of Pipecat's transport: its client, and the outgoing track that
still serves a peer without Opus; up to 40 ms wait in it, which Pipecat plays to their end.
"""

import asyncio
from typing import Any

import av
from aiortc.mediastreams import MediaStreamError
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import (
    RawAudioTrack,
    SmallWebRTCClient,
    SmallWebRTCInputTransport,
    SmallWebRTCOutputTransport,
    SmallWebRTCTransport,
)

from voice_agent.transports.base_input import HearingInput
from voice_agent.transports.base_output import SpeakingOutput
from voice_agent.transports.webrtc.speaking_peer import SpeakingPeer
from voice_agent.transports.webrtc.speech_track import SpeechTrack

TRACK_POLL_S = 0.01
"""How soon a track is noticed that begins; as in Pipecat."""
RECEIVE_TIMEOUT_S = 1.0
"""A track that nobody reads for two seconds is switched off by Pipecat until it is read again."""


def drop_waiting_audio(track: RawAudioTrack) -> None:
    """Forget what `track` has not sent yet, and let go whoever waits for it to be sent.

    Raises:
        AttributeError: Pipecat keeps its audio elsewhere now.
    """
    waiting: Any = track._chunk_queue
    while waiting:
        _, sent = waiting.popleft()
        if sent is not None and not sent.done():
            sent.set_result(True)


class HearingWebRTCInput(HearingInput, SmallWebRTCInputTransport):
    """Pipecat's input, judging voice activity itself."""

    _client: SmallWebRTCClient

    async def _receive_audio(self) -> None:
        """Take in what the caller says; Pipecat's has a task more for each packet of it."""
        await self.keep_hearing(self._receive())

    async def _receive(self) -> None:
        resampler = av.AudioResampler("s16", "mono", self.sample_rate)
        while True:
            frame = await self._next_frame()
            for block in resampler.resample(frame) if frame is not None else ():
                audio = bytes(memoryview(block.planes[0])[: block.samples * 2])
                await self.push_audio_frame(
                    InputAudioRawFrame(audio=audio, sample_rate=self.sample_rate, num_channels=1)
                )

    async def _next_frame(self) -> "av.AudioFrame | None":
        """Return the next frame, None when there was none for a while."""
        track = self._client._audio_input_track
        if track is None:
            await asyncio.sleep(TRACK_POLL_S)
            return None
        try:
            async with asyncio.timeout(RECEIVE_TIMEOUT_S):
                return await track.recv()  # type: ignore[return-value]
        except TimeoutError:
            return None
        except MediaStreamError:
            self._client._audio_input_track = None
            return None


class PromptOutputTransport(SpeakingOutput, SmallWebRTCOutputTransport):
    """Speaks through a `SpeechTrack`, and drops what waits in it when the user interrupts."""

    def __init__(
        self,
        peer: SpeakingPeer,
        client: SmallWebRTCClient,
        params: TransportParams,
        name: str | None,
    ) -> None:
        super().__init__(client, params, name=name)
        self._peer = peer
        self._speech: SpeechTrack | None = None

    async def setup(  # type: ignore[override] # as FrameProcessor itself overrides BaseObject
        self, setup: FrameProcessorSetup
    ) -> None:
        """Give the peer its track, and do as Pipecat does."""
        if self._speech is None and self._peer.sends_opus:
            rate = self._params.audio_out_sample_rate or setup.audio_out_sample_rate
            self._speech = SpeechTrack(rate)
            self._peer.speak_through(self._speech)
            self._peer.add_event_handler("closed", self._on_closed)
        await super().setup(setup)

    async def cleanup(self) -> None:
        """Do as Pipecat does, and end the track."""
        await super().cleanup()  # type: ignore[no-untyped-call]
        if self._speech is not None:
            self._speech.stop()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Have the audio sent, and return whether it was, when the last of it is on its way."""
        if self._speech is None:
            return await super().write_audio_frame(frame)
        if not self._client.is_connected or self._client.is_closing:
            return False
        return await self._speech.write(frame.audio)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Do as Pipecat does, and on an interruption drop what waits."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            if self._speech is not None:
                self._speech.drop()
            elif self._client._audio_output_track is not None:
                drop_waiting_audio(self._client._audio_output_track)

    async def _on_closed(self, _: SpeakingPeer) -> None:
        if self._speech is not None:
            self._speech.stop()


class PromptWebRTCTransport(SmallWebRTCTransport):
    """Pipecat's transport with that input and that output."""

    def __init__(self, peer: SpeakingPeer, params: TransportParams) -> None:
        super().__init__(peer, params)
        self._peer = peer

    def input(self) -> HearingWebRTCInput:
        """Return the input processor, made at the first call."""
        if not isinstance(self._input, HearingWebRTCInput):
            self._input = HearingWebRTCInput(self._client, self._params, name=self._input_name)
        return self._input

    def output(self) -> PromptOutputTransport:
        """Return the output processor, made at the first call."""
        if not isinstance(self._output, PromptOutputTransport):
            self._output = PromptOutputTransport(
                self._peer, self._client, self._params, self._output_name
            )
        return self._output
