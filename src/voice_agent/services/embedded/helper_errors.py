"""What can go wrong with a helper process, for those who ask it for something."""

from voice_agent.core.errors import VoiceAgentError


class HelperError(VoiceAgentError):
    """Base of what a helper process can fail with."""

    code = "helper"


class HelperUnavailableError(HelperError):
    """The helper is not running: it cannot start, or is not yet back after a fault."""

    code = "helper_unavailable"


class HelperDiedError(HelperError):
    """The helper ended, or was ended, while this stream was open; open another."""

    code = "helper_died"


class HelperTimeoutError(HelperError):
    """The helper did not answer in time; the stream is closed."""

    code = "helper_timeout"


class HelperOverflowError(HelperError):
    """The helper sent more than was read of this stream; the stream is closed."""

    code = "helper_overflow"


class HelperRequestError(HelperError):
    """The helper refused the request or failed at it; its message says why. The stream goes on."""

    code = "helper_request"


class HelperStreamClosedError(HelperError):
    """The stream was closed on our side."""

    code = "helper_stream_closed"
