"""Which session or peer connection a request names. Pure; who gets the request verifies it."""

import re
from dataclasses import dataclass
from typing import Final

from voice_agent.accounts.prefixes import is_of_an_account
from voice_agent.cluster.request_head import RequestHead
from voice_agent.cluster.session_token import session_in

OFFER: Final = "/api/offer"
"""The one address of offers that names nothing: their token does, or the peer in the body."""
TO_CONNECT: Final = "/offer"
"""What of an offer's address comes behind its session."""
_OF_SESSION: Final = re.compile(r"/v1/sessions/([^/]+)(/.*)?")
_OF_TOKEN: Final = re.compile(r"/sessions/([^/]+)/api/offer")


@dataclass(frozen=True)
class Named:
    """A session, None where the token says none that can be read, and what is asked of it."""

    session_id: str | None
    rest: str
    """What comes behind the session in the address of the first version of the API."""


def named_in(head: RequestHead) -> Named | None:
    """Return the session that the address names, or for `OFFER` the token; None elsewhere."""
    if found := _OF_SESSION.fullmatch(head.path):
        return Named(found[1], found[2] or "")
    if found := _OF_TOKEN.fullmatch(head.path):
        return Named(session_in(found[1]), TO_CONNECT)
    if head.path == OFFER:
        token = token_of(head)
        return Named(None if token is None else session_in(token), TO_CONNECT)
    return None


def token_of(head: RequestHead) -> str | None:
    """Return the session's token; a key or a user's token says nothing of where to."""
    token = head.bearer or head.query.get("token") or None
    return None if token is None or is_of_an_account(token) else token
