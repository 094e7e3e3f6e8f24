"""The one function that decides who may do what, and the table it reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from voice_agent.accounts.principal import Principal, PrincipalKind, Role
from voice_agent.core.account_errors import (
    AccessRefusedError,
    ForbiddenError,
    WorkspaceNotFoundError,
)
from voice_agent.core.errors import AgentNotFoundError, SessionNotFoundError, TokenInvalidError


class Action(StrEnum):
    """What can be done; also the scopes of secret keys."""

    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    SESSIONS_CREATE = "sessions:create"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    """End it, let the agent say something, send it a message."""
    SESSIONS_ERASE = "sessions:erase"
    RECORDINGS_READ = "recordings:read"
    RECORDINGS_WRITE = "recordings:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    POOL_READ = "pool:read"
    METRICS_READ = "metrics:read"
    SYSTEM_READ = "system:read"


@dataclass(frozen=True)
class Resource:
    """What something is done to: all of a workspace, or one agent or session of it."""

    workspace_id: str
    agent_id: str | None = None
    session_id: str | None = None


_ALL: Final = frozenset(Action)
_GRANTS: Final[Mapping[tuple[PrincipalKind, Role | None], frozenset[Action]]] = MappingProxyType(
    {
        (PrincipalKind.OPEN, None): _ALL,
        (PrincipalKind.USER, Role.ADMINISTRATOR): _ALL,
        (PrincipalKind.USER, Role.MEMBER): _ALL - {Action.USERS_WRITE, Action.KEYS_WRITE},
        # The most that one can have; each has the scopes that it was made with.
        (PrincipalKind.SECRET_KEY, None): _ALL,
        (PrincipalKind.PUBLISHABLE_KEY, None): frozenset({Action.SESSIONS_CREATE}),
        (PrincipalKind.SESSION, None): frozenset({Action.SESSIONS_READ, Action.SESSIONS_WRITE}),
    }
)


def grants(principal: Principal) -> frozenset[Action]:
    """Return the actions that `principal` may do in his workspace."""
    granted = _GRANTS.get((principal.kind, principal.role), frozenset())
    if principal.kind is PrincipalKind.SECRET_KEY:
        return frozenset(action for action in granted if action in principal.scopes)
    return granted


def authorize(principal: Principal | None, action: Action, resource: Resource) -> None:
    """Do nothing when `principal` may do `action` to `resource`.

    Args:
        principal: Who asks; None when he has shown nothing although something is asked for.
        action: What he wants to do.
        resource: What he wants to do it to.

    Raises:
        AccessRefusedError: He has to show a credential first.
        ForbiddenError: His credential is not for that; the message names the scope.
        TokenInvalidError: His session token is another session's.
        WorkspaceNotFoundError, AgentNotFoundError, SessionNotFoundError: It is another
            workspace's, of which he does not learn that it exists.
    """
    if principal is None:
        raise AccessRefusedError(
            "this needs a credential: a key or an access token, in 'Authorization: Bearer'"
        )
    if principal.workspace_id != resource.workspace_id:
        raise _hidden(resource)
    if action not in grants(principal):
        raise ForbiddenError(f"this needs the scope {action}, which {_whose(principal)} lacks")
    if principal.kind is PrincipalKind.SESSION and principal.session_id != resource.session_id:
        raise TokenInvalidError("this token is another session's")
    if principal.agents and resource.agent_id and resource.agent_id not in principal.agents:
        its_agents = ", ".join(sorted(principal.agents))
        raise ForbiddenError(f"{_whose(principal)} is not for this agent, but for {its_agents}")


def _hidden(
    resource: Resource,
) -> SessionNotFoundError | AgentNotFoundError | WorkspaceNotFoundError:
    if resource.session_id is not None:
        return SessionNotFoundError(f"no session has the id '{resource.session_id}'")
    if resource.agent_id is not None:
        return AgentNotFoundError(f"there is no agent '{resource.agent_id}'")
    return WorkspaceNotFoundError("there is nothing of that kind in your workspace")


def _whose(principal: Principal) -> str:
    match principal.kind:
        case PrincipalKind.USER:
            return f"your role ({principal.role})"
        case PrincipalKind.SESSION:
            return "a session's token"
        case PrincipalKind.PUBLISHABLE_KEY:
            return "a publishable key"
        case _:
            return "this key"
