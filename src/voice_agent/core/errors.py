"""Errors a caller can act on, each with a stable code. The API maps codes to HTTP status."""

from collections.abc import Mapping
from typing import ClassVar


class VoiceAgentError(Exception):
    """Base of every error that is ours to explain: `str()` names the fault and the mend."""

    code: ClassVar[str] = "internal"


class SettingsError(VoiceAgentError):
    """A setting is wrong; the message names it and what would be right."""

    code = "settings"


class AgentInvalidError(VoiceAgentError):
    """An agent file does not describe an agent; the message names file and field."""

    code = "agent_invalid"


class AgentNotFoundError(VoiceAgentError):
    """No agent has that id."""

    code = "agent_not_found"


class SessionNotFoundError(VoiceAgentError):
    """No session has that id, or it was removed."""

    code = "session_not_found"


class SessionEndedError(VoiceAgentError):
    """The session is over and takes no further connection."""

    code = "session_ended"


class RecordingNotFoundError(VoiceAgentError):
    """The session has no recording with that number."""

    code = "recording_not_found"


class RangeInvalidError(VoiceAgentError):
    """The part of a file that was asked for is not there; `headers` say what is."""

    code = "range_invalid"

    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = headers


class TokenInvalidError(VoiceAgentError):
    """The session token is missing, wrong or expired."""

    code = "token_invalid"


class TransportUnavailableError(VoiceAgentError):
    """No transport that the client can use is offered."""

    code = "transport_unavailable"


class AtCapacityError(VoiceAgentError):
    """This host already runs as many sessions as it may."""

    code = "at_capacity"


class PoolRefusedError(VoiceAgentError):
    """The service pool could not provide what a leg needs in time."""

    code = "pool_refused"


class OwnershipLostError(VoiceAgentError):
    """Another owner has claimed the session since; this write was refused."""

    code = "ownership_lost"


class StorageUnavailableError(VoiceAgentError):
    """The database, or the store of sessions, does not answer or takes nothing now."""

    code = "storage_unavailable"


class VariablesInvalidError(VoiceAgentError):
    """A session's variables are not those of its agent."""

    code = "variables_invalid"


class CursorInvalidError(VoiceAgentError):
    """A cursor was not made by this server for this list."""

    code = "cursor_invalid"


class AgentReadOnlyError(VoiceAgentError):
    """The agent is described by a file and cannot be changed over the API."""

    code = "agent_read_only"


class AgentExistsError(VoiceAgentError):
    """There is an agent with that id already."""

    code = "agent_exists"


class AgentChangedError(VoiceAgentError):
    """The agent was changed since the version that an update was based on."""

    code = "agent_changed"


class SessionNotConnectedError(VoiceAgentError):
    """Nobody is connected to the session, so nothing can be said in it."""

    code = "session_not_connected"


class IdempotencyKeyReusedError(VoiceAgentError):
    """An idempotency key came with another request before."""

    code = "idempotency_key_reused"


class RequestInProgressError(VoiceAgentError):
    """The same request, by its idempotency key, is being carried out."""

    code = "request_in_progress"


class WebhookNotFoundError(VoiceAgentError):
    """No webhook has that id."""

    code = "webhook_not_found"


class DeliveryNotFoundError(VoiceAgentError):
    """No delivery of the webhook has that id."""

    code = "delivery_not_found"


class WebhookTargetError(VoiceAgentError):
    """Nothing may be sent to that address."""

    code = "webhook_target"


class KeyLimitError(VoiceAgentError):
    """A key has as many sessions as it may, at once or in a minute."""

    code = "key_limit"


class OwnerUnreachableError(VoiceAgentError):
    """The server that has the call does not answer this one."""

    code = "owner_unreachable"


class ForwardingRefusedError(VoiceAgentError):
    """A request claims to have been forwarded by a server that knows this one, and was not."""

    code = "forwarding_refused"


class OfferInvalidError(VoiceAgentError):
    """A WebRTC offer cannot be used."""

    code = "offer_invalid"


class MediaRouteError(VoiceAgentError):
    """WebRTC has no way for the audio now: no UDP port is left, or no TURN server gives a relay."""

    code = "no_media_route"


class PeerNotFoundError(VoiceAgentError):
    """No peer connection has that id."""

    code = "peer_not_found"


class IllegalTransitionError(VoiceAgentError):
    """A state machine was asked for a step it does not have."""

    code = "illegal_transition"

    def __init__(self, subject: str, current: str, wanted: str) -> None:
        super().__init__(f"{subject} cannot go from '{current}' to '{wanted}'")
