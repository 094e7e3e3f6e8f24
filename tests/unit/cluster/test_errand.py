"""What a request is about, and so which process can carry it out."""

import json

import pytest

from voice_agent.cluster.errand import Errand, errand_of, may_be_elsewhere
from voice_agent.cluster.request_head import RequestHead, read_head
from voice_agent.sessions.tokens import SessionTokens

TOKEN = SessionTokens("k" * 32, lambda: 0.0).issue("p1-a.session", 10.0)
SESSION = "p1-a.session"
PEER = "p2-b.peer"
SHOWN = f"Authorization: Bearer {TOKEN}\r\n"


def head_of(request: str, headers: str = "") -> RequestHead:
    head = read_head(f"{request} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
    assert isinstance(head, RequestHead)
    return head


@pytest.mark.parametrize(
    ("request_line", "headers", "body", "expected"),
    [
        (f"GET /v1/sessions/{SESSION}", "", None, Errand(SESSION)),
        (f"GET /v1/sessions/{SESSION}/events", "", None, Errand(SESSION)),
        (f"DELETE /v1/sessions/{SESSION}", "", None, Errand(SESSION)),
        (f"POST /v1/sessions/{SESSION}/say", "", {"text": "a"}, Errand(SESSION, needs_leg=True)),
        (f"POST /v1/sessions/{SESSION}/messages", "", {}, Errand(SESSION, needs_leg=True)),
        (f"POST /v1/sessions/{SESSION}/say", "", {"pc_id": PEER}, Errand(SESSION, needs_leg=True)),
        (f"POST /v1/sessions/{SESSION}/offer", "", {"sdp": "v"}, Errand(SESSION)),
        (f"POST /v1/sessions/{SESSION}/offer", "", {"pc_id": PEER}, Errand(SESSION, PEER)),
        (
            f"POST /v1/sessions/{SESSION}/offer",
            "",
            {"pc_id": PEER, "restart_pc": True},
            Errand(SESSION),
        ),
        (f"PATCH /v1/sessions/{SESSION}/offer", "", {"pc_id": PEER}, Errand(SESSION, PEER)),
        (f"PATCH /v1/sessions/{SESSION}/offer", "", None, Errand(SESSION)),
        (f"PATCH /v1/sessions/{SESSION}/offer", "", ["pc_id"], Errand(SESSION)),
        (f"PATCH /v1/sessions/{SESSION}/offer", "", {"pc_id": 7}, Errand(SESSION)),
        (f"POST /sessions/{TOKEN}/api/offer", "", {"pc_id": None}, Errand(SESSION)),
        (f"PATCH /sessions/{TOKEN}/api/offer", "", {"pc_id": PEER}, Errand(SESSION, PEER)),
        ("POST /sessions/nonsense/api/offer", "", {}, Errand(None)),
        ("POST /api/offer", "", {"sdp": "v"}, Errand(None)),
        ("POST /api/offer", "", {"pc_id": PEER}, Errand(None, PEER)),
        ("POST /api/offer", "", {"pc_id": PEER, "restart_pc": True}, Errand(None, PEER)),
        ("POST /api/offer", SHOWN, {"pc_id": PEER, "restart_pc": True}, Errand(SESSION)),
        ("PATCH /api/offer", "", {"pc_id": PEER}, Errand(None, PEER)),
        ("POST /api/offer", SHOWN, {"sdp": "v"}, Errand(SESSION)),
        ("POST /api/offer", "Authorization: Bearer vak_secret_a_b\r\n", {}, Errand(None)),
    ],
)
def test_what_it_is_about(request_line: str, headers: str, body: object, expected: Errand) -> None:
    head = head_of(request_line, headers)
    assert may_be_elsewhere(head)
    assert errand_of(head, json.dumps(body).encode() if body is not None else b"{") == expected


@pytest.mark.parametrize(
    "request_line",
    ["POST /v1/sessions", "GET /v1/sessions", "POST /start", "GET /", "GET /metrics", "GET /v1/p"],
)
def test_what_anybody_can_do_stays(request_line: str) -> None:
    assert not may_be_elsewhere(head_of(request_line))


def test_only_open_peers_and_running_calls_are_nobody_elses() -> None:
    assert Errand(SESSION, PEER).only_there
    assert Errand(SESSION, needs_leg=True).only_there
    assert not Errand(SESSION).only_there
