"""Where each request of the wire belongs."""

import json

import pytest

from voice_agent.cluster.passport import Passports
from voice_agent.cluster.request_head import RequestHead, read_head
from voice_agent.cluster.routing import ANY, LEAST_LOADED, Destination, Route, needs_body, route
from voice_agent.sessions.tokens import SessionTokens

TOKENS = SessionTokens("k" * 32, lambda: 0.0)
T1 = TOKENS.issue("p1.session", 10.0)
T2 = TOKENS.issue("p2.session", 10.0)
OLD = TOKENS.issue("a-session-without-process", 10.0)
PASSPORT = Passports("k" * 32, lambda: 0.0).issue("p2-b", "POST", "/v1/sessions/p1.abc/say")
WEBSOCKET = "Upgrade: websocket\r\nConnection: Upgrade\r\n"


def owner(name: str) -> Route:
    return Route(Destination.OWNER, name)


def head_of(request: str, headers: str = "") -> RequestHead:
    head = read_head(f"{request} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    ("request_line", "headers", "expected"),
    [
        ("GET /v1/sessions/p1.abc", "", owner("p1")),
        ("DELETE /v1/sessions/p1.abc", "", owner("p1")),
        ("POST /v1/sessions/p1%2Eabc/offer", "", owner("p1")),
        ("PATCH /v1/sessions/p1.abc/offer", f"Authorization: Bearer {T2}\r\n", owner("p1")),
        (f"GET /v1/sessions/p1.abc/ws?token={T2}", WEBSOCKET, owner("p1")),
        ("GET /v1/sessions/nobody", "", ANY),
        (f"POST /sessions/{T1}/api/offer", "", owner("p1")),
        (f"PATCH /sessions/{T1}/api/offer", "", owner("p1")),
        (f"PATCH /sessions/{T1}/api/offer", f"Authorization: Bearer {T2}\r\n", owner("p1")),
        ("POST /sessions/nonsense/api/offer", "", ANY),
        (f"GET /ws?token={T1}", WEBSOCKET, owner("p1")),
        (f"GET /ws-client?token={T1}", WEBSOCKET, owner("p1")),
        ("GET /ws-client", WEBSOCKET + f"Authorization: Bearer {T2}\r\n", owner("p2")),
        (f"GET /ws?token={T1}", WEBSOCKET + f"Authorization: Bearer {T2}\r\n", owner("p2")),
        (f"GET /ws?token={OLD}", WEBSOCKET, ANY),
        ("GET /ws?token=nonsense", WEBSOCKET, ANY),
        ("GET /ws", WEBSOCKET, LEAST_LOADED),
        ("GET /ws-client?token=", WEBSOCKET, LEAST_LOADED),
        ("GET /ws", WEBSOCKET + "Authorization: Bearer vak_secret_a_b\r\n", LEAST_LOADED),
        ("POST /api/offer", "Authorization: Bearer vat_a.b\r\n", LEAST_LOADED),
        ("POST /v1/sessions/p1.abc/say", f"Voice-Agent-Forwarded: {PASSPORT}\r\n", owner("p2-b")),
        ("POST /v1/sessions/p1.abc/say", "Voice-Agent-Forwarded: nonsense\r\n", ANY),
        ("GET /ws", "", ANY),
        (f"POST /api/offer?token={T1}", "", owner("p1")),
        ("PATCH /api/offer", f"Authorization: Bearer {T1}\r\n", owner("p1")),
        ("POST /api/offer", "", LEAST_LOADED),
        ("PATCH /api/offer", "", ANY),
        ("POST /v1/sessions", "", LEAST_LOADED),
        ("POST /start", "", LEAST_LOADED),
        ("GET /v1/sessions", "", ANY),
        ("GET /metrics", "", ANY),
        ("GET /", "", ANY),
        ("OPTIONS /api/offer", "", ANY),
    ],
)
def test_where_a_request_belongs(request_line: str, headers: str, expected: Route) -> None:
    assert route(head_of(request_line, headers)) == expected


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_without_a_token_the_peer_in_the_body_says_it(method: str) -> None:
    head = head_of(f"{method} /api/offer")
    assert needs_body(head)
    assert route(head, json.dumps({"pc_id": "p3.abc"}).encode()) == owner("p3")
    assert route(head, json.dumps({"pc_id": "SmallWebRTCConnection#0-ab"}).encode()) == ANY


@pytest.mark.parametrize(
    "request_line", [f"POST /api/offer?token={T1}", "GET /api/offer", "POST /start", "POST /v1/x"]
)
def test_other_bodies_are_not_read(request_line: str) -> None:
    assert not needs_body(head_of(request_line))
