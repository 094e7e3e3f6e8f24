"""Speech from a synthesis helper process, shared by all legs of a process."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Self

from loguru import logger

from voice_agent.services.embedded.helper_errors import HelperDiedError
from voice_agent.services.embedded.helper_process import HelperProcess, helper_command
from voice_agent.services.embedded.speech_text import split_speech
from voice_agent.services.embedded.synthesis_protocol import (
    DONE,
    SPEAK,
    SpeakRequest,
    Voice,
    decode_voices,
    encode_request,
)

_AUDIO_TIMEOUT_S: Final = 5.0
"""Longest wait for the next audio; it takes 1 to 30 ms on an idle machine."""


class Synthesizer:
    """A running synthesis engine: its voices, and speech as it is made."""

    def __init__(self, helper: HelperProcess, voices: tuple[Voice, ...]) -> None:
        self.voices = voices
        self._helper = helper

    @classmethod
    async def start(cls, name: str, module: str) -> Self:
        """Return the engine whose helper is `module`, ready to speak.

        Raises:
            HelperUnavailableError: It cannot be started; the message says why.
        """
        helper = HelperProcess(name, helper_command(module))
        await helper.start()
        return cls(helper, decode_voices(helper.ready_payload))

    @property
    def helper(self) -> HelperProcess:
        """The process that speaks."""
        return self._helper

    async def close(self) -> None:
        """End the helper; speech still being made fails."""
        await self._helper.close()

    async def speak(
        self, text: str, voice: Voice, speed: float = 1.0
    ) -> AsyncGenerator[bytes, None]:
        """Yield the speech of `text` as it is made: 16-bit mono samples at `voice.sample_rate`.

        Leaving the iteration stops the work in the helper. A piece of text that a dying helper
        had not begun to speak is asked for once more.

        Raises:
            HelperError: The speech could not be made.
        """
        for piece in split_speech(text):
            begun = False
            request = SpeakRequest(piece, voice.name, speed)
            try:
                async with aclosing(self._speak_piece(request)) as audio:
                    async for chunk in audio:
                        begun = True
                        yield chunk
            except HelperDiedError:
                if begun:
                    raise
                logger.warning(
                    "the {} helper died before it spoke; asking again", self._helper.name
                )
                async with aclosing(self._speak_piece(request)) as audio:
                    async for chunk in audio:
                        yield chunk

    async def _speak_piece(self, request: SpeakRequest) -> AsyncGenerator[bytes, None]:
        with await self._helper.open_stream() as stream:
            await stream.send(SPEAK, encode_request(request))
            while True:
                message = await stream.receive(timeout_s=_AUDIO_TIMEOUT_S)
                if message.kind == DONE:
                    return
                yield message.payload
