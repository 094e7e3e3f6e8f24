"""Text-to-speech services that say fixed phrases from memory, once these were made."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import aclosing

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.tts_service import TTSService

from voice_agent.services.phrase_memory import PhraseMemory


class RemembersPhrases(TTSService):
    """Has a memory of fixed phrases."""

    _memory: PhraseMemory | None = None

    def use_memory(self, memory: PhraseMemory, is_fixed: Callable[[str], bool]) -> None:
        """Say from `memory` what is in it, and keep there what `is_fixed` and was made whole."""
        self._memory = memory
        self._is_fixed = is_fixed

    @property
    def voice_identity(self) -> Hashable:
        """What tells apart what would sound different."""
        return type(self).__name__, self.sample_rate, repr(self._settings)

    def _keeps(self, text: str) -> bool:
        return self._memory is not None and self._is_fixed(text)


class SpeaksFromMemory(RemembersPhrases):
    """A service whose `make_speech` yields the audio of its text.

    What is played from memory takes the way of what is made, so that texts, interruptions and
    metrics are the same; only nothing was synthesised, and no use of the provider is counted.
    """

    @abstractmethod
    def make_speech(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yield the speech of `text`, made now, or an `ErrorFrame` that says what failed."""

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yield the speech of `text`, from memory when it is there."""
        memory, voice, words = self._memory, self.voice_identity, text.strip()
        phrase = memory.recall(voice, words) if memory is not None else None
        if phrase is not None:
            for part in phrase.parts:
                yield TTSAudioRawFrame(part, self.sample_rate, 1, context_id=context_id)
            return
        keeps = self._keeps(words)
        parts: list[bytes] = []
        async with aclosing(self.make_speech(text, context_id)) as frames:
            async for frame in frames:
                if isinstance(frame, ErrorFrame):
                    keeps = False
                elif isinstance(frame, TTSAudioRawFrame) and keeps:
                    parts.append(frame.audio)
                yield frame
        if keeps and memory is not None and parts:
            memory.keep(voice, words, parts)
