"""What the wire itself refuses, before any other room is asked."""

from voice_agent.core.errors import VoiceAgentError


class HostRefusedError(VoiceAgentError):
    """The Host header names a host that this server does not answer for."""

    code = "host_refused"


class OriginRefusedError(VoiceAgentError):
    """A page of another site asks, and that site was not allowed."""

    code = "origin_refused"


class BodyTooLargeError(VoiceAgentError):
    """The request's body is longer than any that makes sense here."""

    code = "body_too_large"


class MediaTypeError(VoiceAgentError):
    """The request's body is not declared as JSON."""

    code = "media_type_unsupported"


class NotReadyError(VoiceAgentError):
    """The server runs but cannot take a call now."""

    code = "not_ready"


class PreconditionRequiredError(VoiceAgentError):
    """A change does not say which version it is based on."""

    code = "precondition_required"
