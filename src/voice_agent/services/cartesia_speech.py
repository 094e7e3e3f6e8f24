"""Pipecat's Cartesia service, connecting while the call begins, with a memory of fixed phrases.

The one file that knows the insides of Pipecat's service.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSStoppedFrame
from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.tts_service import WebsocketTTSService
from pipecat.utils.context.word_timestamp_tracker import WordTimestamp

from voice_agent.services.phrase_memory import Phrase, TimedWord
from voice_agent.services.speaks_from_memory import RemembersPhrases


@dataclass
class _Recording:
    """What comes from Cartesia for one text, when it alone is what was asked for."""

    text: str
    parts: list[bytes] = field(default_factory=list)
    words: list[TimedWord] = field(default_factory=list)


@dataclass
class _Turn:
    """What was said so far in one audio context."""

    from_memory_s: float = 0.0
    is_asked: bool = False
    """Whether Cartesia was asked for something; from then on it is asked for all."""
    recording: _Recording | None = None


class PromptCartesiaTTSService(RemembersPhrases, CartesiaTTSService):
    """Says a turn from memory as far as it begins with fixed phrases; Cartesia says the rest.

    Within a turn Cartesia sends one stream, in which texts cannot be told apart: so a phrase is
    kept when it was a turn of its own. The pipeline starts, and the agent greets, while the
    handshake is under way; Pipecat's own waits for it.
    """

    def __init__(self, *, tls: ssl.SSLContext, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._tls = tls
        self._connecting: asyncio.Task[None] | None = None
        self._turns: dict[str, _Turn] = {}

    async def setup(  # type: ignore[override] # as FrameProcessor itself overrides BaseObject
        self, setup: FrameProcessorSetup
    ) -> None:
        """Set up, and begin to connect."""
        await WebsocketTTSService.setup(self, setup)
        self._output_sample_rate = self.sample_rate
        connecting = self._connect()  # type: ignore[no-untyped-call]
        self._connecting = self.create_task(connecting, "connecting")

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Say `text` from memory, or send it; its audio comes by another way in both cases."""
        words, turn = text.strip(), self._turns.setdefault(context_id, _Turn())
        if self._memory is not None and not turn.is_asked:
            phrase = self._memory.recall(self.voice_identity, words)
            if phrase is not None:
                await self._say_from_memory(phrase, turn, context_id)
                yield None
                return
        is_alone = not turn.is_asked and not turn.from_memory_s
        turn.recording = _Recording(words) if is_alone and self._keeps(words) else None
        turn.is_asked = True
        if self._connecting is not None:
            await asyncio.wait({self._connecting})
        async for frame in super().run_tts(text, context_id):
            yield frame

    async def add_word_timestamps(
        self,
        word_times: list[tuple[str, float]],
        context_id: str | None = None,
        includes_inter_frame_spaces: bool | None = None,
        pre_merge_tokens: bool = False,
    ) -> None:
        """Do as Pipecat does; Cartesia's times begin after what was said from memory."""
        turn = self._turns.get(context_id or "")
        if turn is not None and turn.from_memory_s:
            word_times = [(word, at + turn.from_memory_s) for word, at in word_times]
        await super().add_word_timestamps(
            word_times, context_id, includes_inter_frame_spaces, pre_merge_tokens
        )

    async def append_to_audio_context(
        self, context_id: str | None, frame: Frame | WordTimestamp | None
    ) -> None:
        """Do as Pipecat does, and keep a fixed phrase when the last of it has come."""
        await super().append_to_audio_context(context_id, frame)
        turn = self._turns.get(context_id or "")
        recording = turn.recording if turn is not None else None
        if turn is None or recording is None:
            return
        if isinstance(frame, TTSAudioRawFrame):
            recording.parts.append(frame.audio)
        elif isinstance(frame, WordTimestamp):
            recording.words.append(
                TimedWord(frame.word, frame.timestamp, frame.includes_inter_frame_spaces)
            )
        elif isinstance(frame, TTSStoppedFrame) and self._memory is not None:
            turn.recording = None
            if recording.parts:
                identity = self.voice_identity
                self._memory.keep(identity, recording.text, recording.parts, recording.words)

    async def flush_audio(self, context_id: str | None = None) -> None:
        """End a turn: at Cartesia, or here when it was said from memory alone."""
        turn = self._turns.get(context_id or "")
        if context_id is None or turn is None or turn.is_asked:
            await super().flush_audio(context_id)
            return
        await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
        await self.remove_audio_context(context_id)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """Have Cartesia stop, when it was asked for something."""
        turn = self._turns.pop(context_id, None)
        if turn is None or turn.is_asked:
            await super().on_audio_context_interrupted(context_id)
        else:
            await self.stop_all_metrics()  # type: ignore[no-untyped-call]

    async def on_audio_context_completed(self, context_id: str) -> None:
        """Forget the turn."""
        self._turns.pop(context_id, None)
        await super().on_audio_context_completed(context_id)

    async def _say_from_memory(self, phrase: Phrase, turn: _Turn, context_id: str) -> None:
        for word in phrase.words:
            at = turn.from_memory_s + word.at_s
            timed = WordTimestamp(word.text, at, context_id, word.includes_spaces)
            await self.append_to_audio_context(context_id, timed)
        for part in phrase.parts:
            frame = TTSAudioRawFrame(part, self.sample_rate, 1, context_id=context_id)
            await self.append_to_audio_context(context_id, frame)
            turn.from_memory_s += len(part) / 2 / self.sample_rate

    async def _websocket_connect(self, uri: str, **kwargs: Any) -> Any:
        if uri.startswith("wss:"):
            kwargs.setdefault("ssl", self._tls)
        return await super()._websocket_connect(uri, **kwargs)

    async def _disconnect(self) -> None:
        connecting, self._connecting = self._connecting, None
        if connecting is not None and connecting is not asyncio.current_task():
            await self.cancel_task(connecting)
        await super()._disconnect()  # type: ignore[no-untyped-call]
