"""Fake OpenAI-compatible providers with fixed latencies, as a process of their own.

The same answer to everything, each stage after the same time, whatever the load.
"""

import asyncio
import signal
from functools import lru_cache
from typing import Final

from voice_agent.testing.openai_server import Latency, OpenAIServer, RecordedRequest, tone

LATENCY: Final = Latency(transcription_s=0.1, first_token_s=0.15, token_s=0.01, first_audio_s=0.08)
TRANSCRIPT: Final = "What are your opening hours on Saturday?"
REPLY: Final = "We are open from nine to six, Monday to Saturday."
GREETING: Final = "Hello, how can I help you?"
SECONDS_A_CHARACTER: Final = 0.06
"""As `tone` has it: what is said takes this long for each of its characters."""


def spoken_s(text: str) -> float:
    """Return how many seconds of audio the providers make of `text`."""
    return len(text) * SECONDS_A_CHARACTER


class _Forgotten(list[RecordedRequest]):
    """Requests that nobody asks for: a long run must not keep its audio."""

    def append(self, request: RecordedRequest) -> None:
        del request


async def _serve() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = OpenAIServer(
        default_reply=REPLY,
        default_transcript=TRANSCRIPT,
        speak=lru_cache(maxsize=64)(tone),
        latency=LATENCY,
        requests=_Forgotten(),
    )
    async with server:
        server.speak(REPLY), server.speak(GREETING)
        print(f"ready: {server.base_url}", flush=True)  # noqa: T201 - who started it waits for it
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
