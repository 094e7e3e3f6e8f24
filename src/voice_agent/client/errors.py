"""What can go wrong with a call, each with a stable code and one readable line."""

from typing import ClassVar

from voice_agent.core.errors import VoiceAgentError


class CallError(VoiceAgentError):
    """Base of everything that ends or prevents a call."""

    code = "call_failed"


class SpeechUnreadableError(CallError):
    """A sound file cannot be read, or has nothing in it; the message names the file."""

    code = "speech_unreadable"


class ServerUnreachableError(CallError):
    """Nothing at that address answers as a voice agent server does, or no transport got through."""

    code = "server_unreachable"


class CallRefusedError(CallError):
    """The server answered, and said no.

    Attributes:
        status: The HTTP status it said it with; None when it was said without one.
    """

    code = "call_refused"

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class CallDroppedError(CallError):
    """The connection ended before the caller hung up.

    Attributes:
        close_code: The WebSocket close code (RFC 6455, section 7.4), None on WebRTC.
    """

    code = "call_dropped"

    def __init__(self, message: str, close_code: int | None = None) -> None:
        super().__init__(message)
        self.close_code = close_code


class CallTimeoutError(CallError):
    """What was waited for did not happen in time; the message names it."""

    code: ClassVar[str] = "call_timeout"


class NoAnswerError(CallTimeoutError):
    """The caller spoke or typed, and nothing audible came back in time."""

    code = "no_answer"
