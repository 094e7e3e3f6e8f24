"""What can go wrong with credentials, users and keys."""

from voice_agent.core.errors import VoiceAgentError


class AccessRefusedError(VoiceAgentError):
    """The request needs a credential and carries none."""

    code = "access_refused"


class CredentialInvalidError(VoiceAgentError):
    """A key or an access token is wrong, expired or revoked."""

    code = "credential_invalid"


class ForbiddenError(VoiceAgentError):
    """The credential is good, but not for this; the message names the scope that is needed."""

    code = "forbidden"


class SignInRefusedError(VoiceAgentError):
    """Email and password do not belong together."""

    code = "sign_in_refused"


class TooManyRequestsError(VoiceAgentError):
    """Somebody asks too often; `retry_after_s` is how many seconds he has to wait."""

    code = "too_many_requests"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AccountInvalidError(VoiceAgentError):
    """A user or a key cannot be as it is described."""

    code = "account_invalid"


class WorkspaceNotFoundError(VoiceAgentError):
    """What is asked for is another workspace's: to who asks it does not exist."""

    code = "workspace_not_found"


class UserNotFoundError(VoiceAgentError):
    """No user of the workspace has that id."""

    code = "user_not_found"


class KeyNotFoundError(VoiceAgentError):
    """No key of the workspace has that id."""

    code = "key_not_found"


class EmailTakenError(VoiceAgentError):
    """Somebody has that email address already."""

    code = "email_taken"


class LastAdministratorError(VoiceAgentError):
    """Without this user nobody could administer the workspace."""

    code = "last_administrator"


class SetupDoneError(VoiceAgentError):
    """There is a user already, so the link for the first administrator is dead."""

    code = "setup_done"
