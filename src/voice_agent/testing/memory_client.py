"""A client in memory: speaks, types, listens, leaves, and remembers what it heard and when."""

import asyncio
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voice_agent.testing.audible_text import (
    BLOCK_S,
    WordReader,
    duration_s,
    noise,
    silence,
    spoken,
)
from voice_agent.testing.memory_connection import MemoryConnection
from voice_agent.testing.waiting import PATIENCE_S, Changes
from voice_agent.transports.base import (
    AUDIO_IN_RATE,
    AUDIO_OUT_RATE,
    Attempt,
    CloseReason,
    TransportKind,
)

SPEECH_PACKET_S = 0.04
SILENCE_PACKET_S = 0.1
LISTENING_S = 6.0
"""How long the microphone stays open after speech, in seconds of silence that are sent."""
_NOT_WORDS = re.compile(r"[^\w]+")


@dataclass(frozen=True)
class Played:
    """Audio that was played to the client: when it began, in monotonic seconds, and how long."""

    at: float
    audio: bytes

    @property
    def ended_at(self) -> float:
        """When it was over."""
        return self.at + duration_s(self.audio, AUDIO_OUT_RATE)


@dataclass(frozen=True)
class HeardWord:
    """A word of the agent that was played to its end, and when that was."""

    at: float
    word: str


class MemoryClient:
    """One client on one connection. Times are the event loop's, in seconds."""

    def __init__(
        self,
        *,
        kind: TransportKind = TransportKind.WEBSOCKET,
        attempt: Attempt | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = WordReader()
        self._changes = Changes(self._told)
        self._microphone: asyncio.Task[None] | None = None
        self._ids = itertools.count(1)
        self._matched = 0
        self.connection = MemoryConnection(self, kind=kind, attempt=attempt)
        """What the server gets."""
        self.played: list[Played] = []
        """What was played, oldest first."""
        self.words: list[HeardWord] = []
        """The agent's words that were played to their end."""
        self.messages: list[Mapping[str, Any]] = []
        """The messages that came."""
        self.interruptions: list[float] = []
        """When the agent was cut off."""
        self.close_reason: CloseReason | None = None
        """Why the server closed the connection, once it has."""

    @property
    def heard(self) -> str:
        """All words of the agent that were played to their end."""
        return " ".join(word.word for word in self.words)

    @property
    def quiet_since(self) -> float:
        """When the last audio was over; 0 when there was none."""
        return self.played[-1].ended_at if self.played else 0.0

    def messages_of(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """Return the RTVI messages of one type."""
        return [message for message in self.messages if message.get("type") == kind]

    async def say(self, text: str) -> None:
        """Speak `text`; return at its last sound, with the microphone still open."""
        await self.speak(spoken(text, AUDIO_IN_RATE))

    async def make_noise(self, seconds: float) -> None:
        """Make a loud sound without words; return at its end, with the microphone still open."""
        await self.speak(noise(seconds, AUDIO_IN_RATE))

    async def speak(self, audio: bytes) -> None:
        """Send `audio`, 16 kHz mono, as fast as it sounds, and then silence in the background."""
        await self.close_microphone()
        await self._send_paced(audio, SPEECH_PACKET_S)
        tail = silence(LISTENING_S, AUDIO_IN_RATE)
        self._microphone = self._loop.create_task(self._send_paced(tail, SILENCE_PACKET_S))

    def open_microphone(self) -> None:
        """Send one packet of silence: the connection carries, nobody speaks."""
        self.connection.send_audio(silence(SILENCE_PACKET_S, AUDIO_IN_RATE))

    async def close_microphone(self) -> None:
        """Send no more silence."""
        if self._microphone is not None:
            self._microphone.cancel()
            await asyncio.gather(self._microphone, return_exceptions=True)
            self._microphone = None

    def type(self, text: str) -> None:
        """Send a typed turn."""
        options = {"run_immediately": True, "audio_response": True}
        self.send("send-text", {"content": text, "options": options})

    def send(self, kind: str, data: Mapping[str, Any] | None = None) -> str:
        """Send an RTVI message and return its id."""
        identifier = f"message-{next(self._ids)}"
        self.connection.send_message(
            {"label": "rtvi-ai", "type": kind, "id": identifier, "data": dict(data or {})}
        )
        return identifier

    async def leave(self) -> None:
        """Say goodbye."""
        await self.close_microphone()
        self.connection.leave()

    async def vanish(self) -> None:
        """Be gone without a word."""
        await self.close_microphone()
        self.connection.vanish()

    async def agent_says(self, text: str, *, within_s: float = PATIENCE_S) -> None:
        """Wait until the agent has said `text` to its last word, after what was waited for before.

        Case and punctuation do not matter.

        Raises:
            AssertionError: It did not within `within_s` seconds; the message has what it said.
        """
        wanted = _bare(text)

        def is_said() -> bool:
            words = [_bare(word.word) for word in self.words[self._matched :]]
            for count in range(1, len(words) + 1):
                if f" {wanted} " in f" {' '.join(words[:count])} ":
                    self._matched += count
                    return True
            return False

        await self.until(is_said, f"the agent to say '{text}'", within_s=within_s)

    async def agent_finishes(self, text: str, *, within_s: float = PATIENCE_S) -> None:
        """Wait as `agent_says` does, and then until the agent has fallen silent."""
        await self.agent_says(text, within_s=within_s)

        def is_silent() -> bool:
            started = len(self.messages_of("bot-started-speaking"))
            return len(self.messages_of("bot-stopped-speaking")) == started

        await self.until(is_silent, "the agent to fall silent", within_s=within_s)

    async def message(self, kind: str, *, within_s: float = PATIENCE_S) -> Mapping[str, Any]:
        """Wait for the first RTVI message of a type and return it; AssertionError if none comes."""
        await self.until(
            lambda: bool(self.messages_of(kind)), f"a message '{kind}'", within_s=within_s
        )
        return self.messages_of(kind)[0]

    async def closed_by_server(self, *, within_s: float = PATIENCE_S) -> CloseReason:
        """Wait until the server closes the connection and return why; AssertionError if not."""
        await self.until(
            lambda: self.close_reason is not None, "the server to close", within_s=within_s
        )
        assert self.close_reason is not None
        return self.close_reason

    async def until(
        self, condition: Callable[[], bool], what: str, *, within_s: float = PATIENCE_S
    ) -> None:
        """Wait until `condition` holds, looking whenever something reaches the client.

        Raises:
            AssertionError: It did not within `within_s` seconds.
        """
        await self._changes.until(condition, what, within_s=within_s)

    def play(self, audio: bytes) -> None:
        """Hear `audio`."""
        began = self._loop.time()
        self.played.append(Played(began, audio))
        step = 2 * round(BLOCK_S * AUDIO_OUT_RATE)
        for start in range(0, len(audio), step):
            ended_at = began + min(start + step, len(audio)) / 2 / AUDIO_OUT_RATE
            for word in self._reader.read(audio[start : start + step]):
                self._loop.call_at(ended_at, self._hear, HeardWord(ended_at, word))

    def stop_playing(self) -> None:
        """Hear that the agent was interrupted."""
        self.interruptions.append(self._loop.time())
        self._changes.note()

    def deliver(self, message: Any) -> None:
        """Get a message."""
        self.messages.append(message)
        self._changes.note()

    def closed(self, reason: CloseReason) -> None:
        """Get to know that the server closed the connection."""
        self.close_reason = reason
        self._changes.note()

    def _hear(self, word: HeardWord) -> None:
        self.words.append(word)
        self._changes.note()

    def _told(self) -> str:
        closed = f", and the server closed: {self.close_reason}" if self.close_reason else ""
        return f"the agent said '{self.heard}'{closed}"

    async def _send_paced(self, audio: bytes, packet_s: float) -> None:
        started = self._loop.time()
        step = 2 * round(packet_s * AUDIO_IN_RATE)
        for start in range(0, len(audio), step):
            self.connection.send_audio(audio[start : start + step])
            sent_s = min(start + step, len(audio)) / 2 / AUDIO_IN_RATE
            await asyncio.sleep(max(0.0, started + sent_s - self._loop.time()))


def _bare(text: str) -> str:
    return _NOT_WORDS.sub(" ", text).strip().lower()
