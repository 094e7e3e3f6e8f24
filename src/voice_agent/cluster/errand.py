"""What a request is about, as far as that says which process can carry it out. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from voice_agent.accounts.prefixes import is_of_an_account
from voice_agent.cluster.request_head import RequestHead
from voice_agent.cluster.session_token import session_in

_OF_SESSION: Final = re.compile(r"/v1/sessions/([^/]+)(/.*)?")
_OF_TOKEN: Final = re.compile(r"/sessions/([^/]+)/api/offer")
_OFFER: Final = "/api/offer"
_NEEDS_A_LEG: Final = ("/say", "/messages")
_WITH_BODY: Final = ("POST", "PATCH")


@dataclass(frozen=True)
class Errand:
    """What a request is about: a peer connection that is open, or a session."""

    session_id: str | None
    peer: str | None = None

    needs_leg: bool = False
    """Whether only the process that carries the session's call can do it."""

    @property
    def only_there(self) -> bool:
        """Whether no other process could do it instead."""
        return self.needs_leg or self.peer is not None


def may_be_elsewhere(head: RequestHead) -> bool:
    """Return whether another process than the one that got it may have what it is about."""
    path = head.path
    return path == _OFFER or bool(_OF_SESSION.fullmatch(path) or _OF_TOKEN.fullmatch(path))


def has_body(head: RequestHead) -> bool:
    """Return whether its body has to be read, to know where it belongs or to forward it."""
    return head.method in _WITH_BODY


def errand_of(head: RequestHead, body: bytes) -> Errand:
    """Return what the request is about; it is one that `may_be_elsewhere`. Nothing is verified."""
    session_id, is_offer, rest = _session_of(head)
    if is_offer and has_body(head):
        fields = _fields(body)
        peer, restarts = fields.get("pc_id"), fields.get("restart_pc") is True
        # One that makes a new connection belongs to the session, if it is known whose it is.
        is_known = head.method == "PATCH" or not restarts or session_id is None
        if isinstance(peer, str) and peer and is_known:
            return Errand(session_id, peer)
    return Errand(session_id, needs_leg=head.method == "POST" and rest in _NEEDS_A_LEG)


def _session_of(head: RequestHead) -> tuple[str | None, bool, str]:
    """Return whose session the address or the token names, whether that is for offers, the rest."""
    if found := _OF_SESSION.fullmatch(head.path):
        rest = found[2] or ""
        return found[1], rest == "/offer", rest
    if found := _OF_TOKEN.fullmatch(head.path):
        return session_in(found[1]), True, ""
    token = head.bearer or head.query.get("token") or ""
    return None if not token or is_of_an_account(token) else session_in(token), True, ""


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
