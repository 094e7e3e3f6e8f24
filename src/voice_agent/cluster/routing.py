"""Where a request belongs: to the process that has its session, or to whichever is best. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voice_agent.cluster.named import OFFER, named_in, token_of
from voice_agent.cluster.request_body import peer_in
from voice_agent.cluster.request_head import FORWARDED, RequestHead
from voice_agent.cluster.session_token import session_in
from voice_agent.core.process_ids import process_of

_WALK_IN_SOCKETS: Final = ("/ws", "/ws-client")
_STARTS: Final = ("/v1/sessions", "/start")


class Destination(StrEnum):
    """What kind of place a request belongs to."""

    OWNER = "owner"
    """The process that has what it is about."""
    LEAST_LOADED = "least loaded"
    """It begins a session: where there is most room."""
    ANY = "any"


@dataclass(frozen=True)
class Route:
    """Where a request belongs; `process` is the owner's name, and set for `OWNER` only."""

    destination: Destination
    process: str | None = None


ANY: Final = Route(Destination.ANY)
LEAST_LOADED: Final = Route(Destination.LEAST_LOADED)


def needs_body(head: RequestHead) -> bool:
    """Return whether only the body can say where the request belongs."""
    return head.path == OFFER and head.method in ("POST", "PATCH") and token_of(head) is None


def route(head: RequestHead, body: bytes = b"") -> Route:
    """Return where the request belongs; `body` counts when `needs_body` says so.

    An address that names a process wins over a token, and what another server has found out over
    both. Nothing is verified: who gets it does that.
    """
    if (passport := head.headers.get(FORWARDED)) is not None:
        process = session_in(passport)
        return ANY if process is None else Route(Destination.OWNER, process)
    token = token_of(head)
    if head.path == OFFER and token is None:
        peer = peer_in(body)
        if peer is not None:
            return _owner(peer)
        return LEAST_LOADED if head.method == "POST" else ANY
    if (named := named_in(head)) is not None:
        return _owner(named.session_id)
    if head.path in _WALK_IN_SOCKETS and head.is_websocket:
        return LEAST_LOADED if token is None else _owner(session_in(token))
    if head.path in _STARTS and head.method == "POST":
        return LEAST_LOADED
    return ANY


def _owner(identifier: str | None) -> Route:
    process = process_of(identifier) if identifier is not None else None
    return ANY if process is None else Route(Destination.OWNER, process)
