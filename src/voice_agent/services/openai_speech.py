"""Pipecat's OpenAI text-to-speech service, for any voice of any compatible server."""

from collections.abc import AsyncGenerator
from typing import Any, Final

from openai import APIConnectionError, APIStatusError, OpenAIError
from pipecat.frames.frames import ErrorFrame, Frame
from pipecat.services.openai.tts import OpenAITTSService, OpenAITTSSettings
from pipecat.utils.http import TIMEOUT_EXCEPTIONS
from pipecat.utils.tracing.service_decorators import traced_tts

from voice_agent.services.speaks_from_memory import SpeaksFromMemory

SAMPLE_RATE: Final = 24_000
"""Samples a second of what servers send as "pcm": 16 bits, little-endian, one channel."""
_FRAME_S: Final = 0.1


class OpenAICompatibleTTSService(SpeaksFromMemory, OpenAITTSService):
    """Speaks with whatever voice the settings name: the server knows which it has.

    The base class refuses voices that are not OpenAI's, and collects half a second of audio before
    it passes the first on; this one passes on 100 ms at a time.
    """

    _settings: OpenAITTSSettings

    @traced_tts
    async def make_speech(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Yield the speech of `text` as it arrives, or one `ErrorFrame` that says what failed."""
        settings = self._settings
        request: dict[str, Any] = {
            "input": text,
            "model": settings.model,
            "voice": settings.voice,
            "response_format": "pcm",
        }
        if settings.instructions:
            request["instructions"] = settings.instructions
        if settings.speed:
            request["speed"] = settings.speed
        speech = self._client.audio.speech.with_streaming_response.create(**request)
        try:
            async with speech as response:
                await self.start_tts_usage_metrics(text)
                async for frame in self._stream_audio_frames_from_iterator(
                    response.iter_bytes(int(SAMPLE_RATE * _FRAME_S) * 2),
                    in_sample_rate=SAMPLE_RATE,
                    context_id=context_id,
                ):
                    yield frame
        except APIStatusError as error:
            yield ErrorFrame(error=f"text-to-speech server answered {error.status_code}: {error}")
        except APIConnectionError as error:
            cause = error.__cause__ or error
            yield ErrorFrame(error=f"text-to-speech server cannot be reached: {cause}")
        except TIMEOUT_EXCEPTIONS:
            yield ErrorFrame(error="text-to-speech server fell silent")
        except OpenAIError as error:
            yield ErrorFrame(error=f"text-to-speech failed: {error}")
