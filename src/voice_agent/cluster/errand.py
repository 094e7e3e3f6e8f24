"""What a request is about, as far as that says which process can carry it out. Pure."""

from dataclasses import dataclass
from typing import Final

from voice_agent.cluster.named import TO_CONNECT, named_in
from voice_agent.cluster.request_body import fields_in, peer_of
from voice_agent.cluster.request_head import RequestHead

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
    return named_in(head) is not None


def has_body(head: RequestHead) -> bool:
    """Return whether its body has to be read, to know where it belongs or to forward it."""
    return head.method in _WITH_BODY


def errand_of(head: RequestHead, body: bytes) -> Errand:
    """Return what the request is about; it is one that `may_be_elsewhere`. Nothing is verified."""
    named = named_in(head)
    assert named is not None, "ask may_be_elsewhere first"
    if named.rest == TO_CONNECT and has_body(head):
        fields = fields_in(body)
        peer, restarts = peer_of(fields), fields.get("restart_pc") is True
        # One that makes a new connection belongs to the session, if it is known whose it is.
        is_known = head.method == "PATCH" or not restarts or named.session_id is None
        if peer is not None and is_known:
            return Errand(named.session_id, peer)
    return Errand(named.session_id, needs_leg=head.method == "POST" and named.rest in _NEEDS_A_LEG)
