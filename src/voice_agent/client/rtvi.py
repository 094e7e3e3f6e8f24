"""RTVI, the protocol of messages between a Pipecat bot and its clients: pure, no I/O."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from voice_agent.client.events import (
    BotInterrupted,
    BotReady,
    BotStartedSpeaking,
    BotStoppedSpeaking,
    CallEvent,
    RtviMessage,
    ServerError,
    Speaker,
    Transcript,
    UserStartedSpeaking,
    UserStoppedSpeaking,
)

PROTOCOL_VERSION = "2.2.0"
LABEL = "rtvi-ai"

_PLAIN: Mapping[str, type[CallEvent]] = {
    "user-started-speaking": UserStartedSpeaking,
    "user-stopped-speaking": UserStoppedSpeaking,
    "bot-started-speaking": BotStartedSpeaking,
    "bot-stopped-speaking": BotStoppedSpeaking,
    "bot-interrupted": BotInterrupted,
}


def _library_version() -> str:
    try:
        return version("voice-agent-backend")
    except PackageNotFoundError:
        return "0"


def message(kind: str, identifier: str, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns an RTVI message of that type, ready for JSON."""
    built: dict[str, Any] = {"label": LABEL, "type": kind, "id": identifier}
    if data is not None:
        built["data"] = dict(data)
    return built


def client_ready(identifier: str) -> dict[str, Any]:
    """Returns what a client says first: its protocol version and what it is."""
    about = {
        "library": "voice-agent-client",
        "library_version": _library_version(),
        "platform": platform.system(),
    }
    return message("client-ready", identifier, {"version": PROTOCOL_VERSION, "about": about})


def send_text(identifier: str, text: str) -> dict[str, Any]:
    """Returns a typed turn, to be answered at once and aloud."""
    options = {"run_immediately": True, "audio_response": True}
    return message("send-text", identifier, {"content": text, "options": options})


class RtviReader:
    """Turns the messages of one call into events.

    A server tells the same words in several messages, for clients of several ages; this reads
    the newest that it sends (`user-input`, `bot-output`) and falls back to the older ones
    (`user-transcription`, `bot-tts-text`) only while the newer has not been seen.
    """

    def __init__(self) -> None:
        self._sends_user_input = False
        self._sends_bot_output = False
        self._segments: set[int] = set()

    def read(self, received: Any, at: float) -> CallEvent | None:
        """Reads one message.

        Args:
            received: The decoded JSON.
            at: When it arrived, in monotonic seconds.

        Returns:
            The event, or None when it is no RTVI message or repeats what was already told.
        """
        if not isinstance(received, Mapping) or received.get("label") != LABEL:
            return None
        kind = received.get("type")
        raw = received.get("data")
        data: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
        if not isinstance(kind, str):
            return None
        if (plain := _PLAIN.get(kind)) is not None:
            return plain(at)
        match kind:
            case "bot-ready":
                return BotReady(at, str(data.get("version", "")))
            case "user-input" | "user-transcription":
                return self._user_said(kind, data, at)
            case "bot-output" | "bot-tts-text":
                return self._bot_said(kind, data, at)
            case "error" | "error-response":
                return ServerError(at, str(data.get("error", "")), bool(data.get("fatal", False)))
            case _:
                return RtviMessage(at, kind, data)

    def _user_said(self, kind: str, data: Mapping[str, Any], at: float) -> CallEvent | None:
        if kind == "user-input":
            self._sends_user_input = True
        elif self._sends_user_input:
            return None
        text = str(data.get("text", "")).strip()
        return Transcript(at, Speaker.USER, text, bool(data.get("final", True))) if text else None

    def _bot_said(self, kind: str, data: Mapping[str, Any], at: float) -> CallEvent | None:
        if kind == "bot-tts-text":
            if self._sends_bot_output:
                return None
        else:
            self._sends_bot_output = True
            segment = data.get("segment_id")
            if isinstance(segment, int):
                if segment in self._segments:
                    return None
                self._segments.add(segment)
        text = str(data.get("text", "")).strip()
        return Transcript(at, Speaker.BOT, text) if text else None
