"""What happens in a call, as the caller sees it: frozen events with their monotonic time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Speaker(StrEnum):
    """The two sides of a call."""

    USER = "user"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Base of all events.

    Attributes:
        at: When it arrived at the client, in seconds of `time.monotonic`.
    """

    at: float


@dataclass(frozen=True, slots=True)
class BotReady(CallEvent):
    """The bot is there and hears.

    Attributes:
        version: The RTVI protocol version it speaks.
    """

    version: str


@dataclass(frozen=True, slots=True)
class UserStartedSpeaking(CallEvent):
    """The server believes that the user speaks."""


@dataclass(frozen=True, slots=True)
class UserStoppedSpeaking(CallEvent):
    """The server believes that the user's turn is over."""


@dataclass(frozen=True, slots=True)
class BotStartedSpeaking(CallEvent):
    """The server began to send speech."""


@dataclass(frozen=True, slots=True)
class BotStoppedSpeaking(CallEvent):
    """The server has sent all of its speech."""


@dataclass(frozen=True, slots=True)
class BotInterrupted(CallEvent):
    """What the bot was saying was cut off."""


@dataclass(frozen=True, slots=True)
class Transcript(CallEvent):
    """Something was said or typed.

    Attributes:
        speaker: Who said it.
        text: The words.
        final: False while a recogniser may still change its mind.
    """

    speaker: Speaker
    text: str
    final: bool = True


@dataclass(frozen=True, slots=True)
class ServerError(CallEvent):
    """The server reports a fault.

    Attributes:
        message: Its own words.
        fatal: Whether the call is over because of it.
    """

    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class RtviMessage(CallEvent):
    """Any other RTVI message.

    Attributes:
        type: Its RTVI type, `server-message` or `metrics` for instance.
        data: Its payload.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionLost(CallEvent):
    """The connection is gone and the client tries to come back.

    `Reconnected` follows, or `Disconnected` when there is no way back.

    Attributes:
        reason: How it was lost, in words.
        close_code: The WebSocket close code, None on WebRTC.
    """

    reason: str
    close_code: int | None = None


@dataclass(frozen=True, slots=True)
class Reconnected(CallEvent):
    """The conversation goes on over a new connection.

    Attributes:
        after_s: Seconds since the connection was lost.
        transport: The transport of the new one, `websocket` or `webrtc`.
    """

    after_s: float
    transport: str


@dataclass(frozen=True, slots=True)
class Disconnected(CallEvent):
    """The call is over; always the last event.

    Attributes:
        reason: Why, in words.
        close_code: The WebSocket close code, None on WebRTC.
        by_caller: True when the caller hung up.
    """

    reason: str
    close_code: int | None = None
    by_caller: bool = False
