"""A bot that needs no model: it greets, answers whoever has spoken, and can be interrupted."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

RATE = 24000
AUDIBLE = 600
CHUNK_S = 0.04


@dataclass(frozen=True)
class Script:
    """How the bot behaves; times in seconds."""

    greeting_s: float = 0.3
    answer_s: float = 0.4
    pause_before_answer_s: float = 0.2
    answers: bool = True
    ready: bool = True
    in_one_burst: bool = False
    """Sends speech at once, for the player to queue, instead of at the pace it is played."""
    interruption: str = "bot-interrupted"
    """The message that says so; empty for the protobuf frame of that meaning."""
    drops_after_s: float | None = None
    """When it hangs up after the greeting, None for never."""


class ScriptedBot:
    """One bot on one connection.

    Args:
        script: How it behaves.
        send_audio: Sends PCM16 mono at 24 kHz.
        send_message: Sends a JSON message.
        interrupt: Sends the protobuf interruption frame.
        hang_up: Closes the connection.
    """

    def __init__(
        self,
        script: Script,
        send_audio: Callable[[bytes], Awaitable[None]],
        send_message: Callable[[dict[str, Any]], Awaitable[None]],
        interrupt: Callable[[], Awaitable[None]],
        hang_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._script = script
        self._send_audio = send_audio
        self._send_message = send_message
        self._interrupt = interrupt
        self._hang_up = hang_up
        self._segments = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._speech: asyncio.Task[None] | None = None
        self._answering: asyncio.TimerHandle | None = None
        self._user_speaks = False
        self.received: list[dict[str, Any]] = []
        self.packets = 0

    async def take_message(self, text: str) -> None:
        """Takes what the client says over RTVI."""
        if text.startswith("ping"):
            return
        message = json.loads(text)
        self.received.append(message)
        if message.get("type") == "client-ready" and self._script.ready:
            await self._tell("bot-ready", {"version": "2.2.0"}, identifier=message["id"])
            self._speak("Hello.", self._script.greeting_s, then_drop=True)
        elif message.get("type") == "send-text":
            await self._tell("user-input", {"text": message["data"]["content"], "final": True})
            self._speak("You wrote.", self._script.answer_s)

    async def hear(self, samples: np.ndarray) -> None:
        """Takes the user's audio, mono."""
        self.packets += 1
        if len(samples) == 0 or np.abs(samples).max() < AUDIBLE:
            return
        if not self._user_speaks:
            self._user_speaks = True
            await self._tell("user-started-speaking")
            await self._stop_speaking()
        if self._answering is not None:
            self._answering.cancel()
        loop = asyncio.get_running_loop()
        self._answering = loop.call_later(
            self._script.pause_before_answer_s, lambda: self._spawn(self._answer())
        )

    async def send_away(self) -> None:
        """Hangs up as a server does that stops and wants its client to connect again."""
        await self._tell("error", {"error": "the server is stopping, connect again", "fatal": True})
        await self._hang_up()

    async def close(self) -> None:
        """Ends all that it does."""
        if self._answering is not None:
            self._answering.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self) -> None:
        self._user_speaks = False
        await self._tell("user-stopped-speaking")
        await self._tell("user-input", {"text": "what", "final": True})
        await self._tell("user-transcription", {"text": "what", "final": True})
        if self._script.answers:
            self._speak("Yes.", self._script.answer_s)

    async def _stop_speaking(self) -> None:
        if self._speech is not None and not self._speech.done():
            self._speech.cancel()
            if self._script.interruption:
                await self._tell(self._script.interruption)
            else:
                await self._interrupt()
            await self._tell("bot-stopped-speaking")

    def _speak(self, text: str, seconds: float, *, then_drop: bool = False) -> None:
        self._speech = self._spawn(self._say(text, seconds, then_drop=then_drop))

    async def _say(self, text: str, seconds: float, *, then_drop: bool) -> None:
        await self._tell("bot-started-speaking")
        await self._tell("bot-output", {"text": text, "segment_id": next(self._segments)})
        tone = 6000 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)
        pcm = tone.astype(np.int16).tobytes()
        step = round(CHUNK_S * RATE) * 2
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number, position in enumerate(range(0, len(pcm), step)):
            await self._send_audio(pcm[position : position + step])
            if not self._script.in_one_burst:
                await asyncio.sleep(max(0.0, start + (number + 1) * CHUNK_S - loop.time()))
        if self._script.in_one_burst:
            await asyncio.sleep(seconds)
        await self._tell("bot-stopped-speaking")
        if then_drop and self._script.drops_after_s is not None:
            await asyncio.sleep(self._script.drops_after_s)
            self._spawn(self._hang_up())

    async def _tell(
        self, kind: str, data: dict[str, Any] | None = None, identifier: str = "0"
    ) -> None:
        message = {"label": "rtvi-ai", "type": kind, "id": identifier, "data": data or {}}
        await self._send_message(message)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
