"""What became of a call, for people and for machines. Pure."""

import json
import math
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

from voice_agent.client.errors import (
    CallDroppedError,
    CallError,
    CallRefusedError,
    CallTimeoutError,
    ServerUnreachableError,
    SpeechUnreadableError,
)
from voice_agent.client.events import ConnectionLost, Reconnected, ServerError
from voice_agent.client.live_call import Call


class ExitCode(IntEnum):
    """What `voice-agent call` exits with. 2 is also what a wrong option gets."""

    ANSWERED = 0
    NO_ANSWER = 1
    INPUT_UNREADABLE = 2
    REFUSED = 3
    UNREACHABLE = 4
    DROPPED = 5
    OUTPUT_UNWRITABLE = 6
    INTERRUPTED = 130


_EXIT_CODES: tuple[tuple[type[CallError], ExitCode], ...] = (
    (SpeechUnreadableError, ExitCode.INPUT_UNREADABLE),
    (CallRefusedError, ExitCode.REFUSED),
    (ServerUnreachableError, ExitCode.UNREACHABLE),
    (CallDroppedError, ExitCode.DROPPED),
    (CallTimeoutError, ExitCode.NO_ANSWER),
)


@dataclass(frozen=True, slots=True)
class TurnReport:
    """One turn and its answer; times in seconds.

    Attributes:
        said: The file, or the typed text.
        understood: What the server understood of it.
        answer: The bot's words.
        end_of_speech_to_first_audio_s: None when no answer came.
        answer_s: How long the answer was.
    """

    said: str
    understood: str = ""
    answer: str = ""
    end_of_speech_to_first_audio_s: float | None = None
    answer_s: float | None = None


@dataclass(slots=True)
class CallReport:
    """What became of a call; times in seconds, None for what did not happen.

    Attributes:
        exit_code: What the command exits with.
        error: The error's code and message.
        session_id: The session's id.
        transport: The transport used, or last tried.
        attempts: The transports tried in vain, with the reason.
        connect_s: From the beginning to the open connection.
        ready_s: From the beginning to the bot's readiness.
        first_word_s: From the beginning to the first audible sample.
        received_audio_s: Audio received, silence included.
        turns: The turns in order.
        transcript: Both sides, with the second of the call at which each line came.
        server_errors: What the server reported.
        losses: How often the connection was lost and the client tried to come back.
        reconnections: How often it came back.
        lost_s: How long it was away until it came back, all times together.
    """

    exit_code: ExitCode = ExitCode.ANSWERED
    error: dict[str, str] | None = None
    session_id: str | None = None
    transport: str | None = None
    attempts: list[dict[str, str]] = field(default_factory=list)
    connect_s: float | None = None
    ready_s: float | None = None
    first_word_s: float | None = None
    received_audio_s: float = 0.0
    turns: list[TurnReport] = field(default_factory=list)
    transcript: list[dict[str, Any]] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    losses: int = 0
    reconnections: int = 0
    lost_s: float = 0.0

    def note_error(self, error: CallError) -> None:
        """Takes what ended the call."""
        exit_code = next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
        self.note_failure(exit_code, error.code, str(error))

    def note_failure(self, exit_code: ExitCode, code: str, message: str) -> None:
        """Takes a failure; the first one counts."""
        if self.error is None:
            self.error = {"code": code, "message": message}
            self.exit_code = exit_code

    def note_call(self, call: Call) -> None:
        """Takes the figures of a call that is over."""
        start = call.started_at
        self.session_id = call.session_id
        self.transport = call.transport
        self.attempts = [{"transport": name, "reason": str(why)} for name, why in call.attempts]
        self.connect_s = _elapsed(start, call.connected_at)
        self.ready_s = _elapsed(start, call.ready_at)
        self.first_word_s = _elapsed(start, call.heard.onset_after(start))
        self.received_audio_s = call.heard.received_s
        self.transcript = [
            {"speaker": str(line.speaker), "text": line.text, "at_s": line.at - start}
            for line in call.transcript
        ]
        self.server_errors = [e.message for e in call.log if isinstance(e, ServerError)]
        self.losses = sum(isinstance(event, ConnectionLost) for event in call.log)
        away = [event.after_s for event in call.log if isinstance(event, Reconnected)]
        self.reconnections, self.lost_s = len(away), sum(away)

    def to_json(self) -> str:
        """Returns one JSON document, times rounded to milliseconds."""
        document = asdict(self) | {"ok": self.error is None, "exit_code": int(self.exit_code)}
        return json.dumps(_rounded(document), ensure_ascii=False, indent=2)

    def closing_line(self) -> str:
        """Returns the figures in one line."""
        parts = [self.transport or "no transport"]
        if self.connect_s is not None:
            parts.append(f"connected in {self.connect_s:.2f} s")
        if self.first_word_s is not None:
            parts.append(f"first word after {self.first_word_s:.2f} s")
        latencies = [turn.end_of_speech_to_first_audio_s for turn in self.turns]
        shown = ", ".join(f"{latency:.2f} s" for latency in latencies if latency is not None)
        if shown:
            parts.append(f"answered in {shown}")
        if self.losses:
            parts.append(f"lost {self.losses}x, back {self.reconnections}x in {self.lost_s:.2f} s")
        return f"[{' · '.join(parts)}]"


def _elapsed(start: float, at: float | None) -> float | None:
    return None if at is None or math.isnan(at) or math.isnan(start) else at - start


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
