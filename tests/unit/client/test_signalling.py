"""The parts of signalling that need no server: addresses, invitations, refusals."""

from typing import Any

import pytest

from voice_agent.client.errors import ServerUnreachableError
from voice_agent.client.signalling import (
    TransportName,
    normal_url,
    problem_text,
    read_invitation,
    websocket_url,
)

BASE = "http://127.0.0.1:7860"


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (BASE, BASE),
        (BASE + "/", BASE),
        ("localhost:7860", "http://localhost:7860"),
        ("https://talk.example/agents/", "https://talk.example/agents"),
        ("http://[::1]:7860", "http://[::1]:7860"),
    ],
)
def test_addresses_are_completed(given: str, normal: str) -> None:
    assert normal_url(given) == normal


@pytest.mark.parametrize("given", ["", "ftp://host", "http://", "http://host:port", "file:///x"])
def test_what_is_no_server_address_is_named(given: str) -> None:
    with pytest.raises(ServerUnreachableError, match="is no server address"):
        normal_url(given)


def test_an_invitation_is_read_in_its_order() -> None:
    document = {
        "session_id": "s1",
        "token": "t1",
        "expires_at": "2030-01-01T00:00:00Z",
        "transports": [
            {"type": "carrier-pigeon", "loft": "north"},
            {
                "type": "webrtc",
                "offer_url": "/v1/sessions/s1/offer",
                "ice_servers": [{"urls": "turn:host"}],
                "ice_transport_policy": "relay",
                "reason": "asked for",
            },
            {"type": "websocket", "url": "wss://other.example/ws?token=t1"},
        ],
    }

    invitation = read_invitation(document, BASE)

    assert (invitation.session_id, invitation.token) == ("s1", "t1")
    webrtc, websocket = invitation.transports
    assert (webrtc.type, webrtc.reason) == (TransportName.WEBRTC, "asked for")
    assert webrtc.url == f"{BASE}/v1/sessions/s1/offer"
    assert webrtc.ice_servers == ({"urls": "turn:host"},)
    assert webrtc.relay_only
    assert websocket.url == "wss://other.example/ws?token=t1"


def test_relative_addresses_keep_the_path_of_the_server() -> None:
    document = {
        "session_id": "s",
        "token": "t",
        "transports": [{"type": "websocket", "url": "v1/sessions/s/ws?token=t"}],
    }

    (offer,) = read_invitation(document, "https://talk.example/agents").transports

    assert offer.url == "https://talk.example/agents/v1/sessions/s/ws?token=t"


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"session_id": "s", "token": "t"},
        {"session_id": "s", "token": "t", "transports": None},
        {"session_id": "s", "token": "t", "transports": [{"type": "webrtc"}]},
        {"session_id": "s", "token": "t", "transports": ["webrtc"]},
        {"transports": []},
    ],
)
def test_another_answer_is_no_invitation(document: Any) -> None:
    with pytest.raises(ServerUnreachableError, match="not as a voice agent server does"):
        read_invitation(document, BASE)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (503, '{"title": "Full", "detail": "12 of 12 calls run"}', "12 of 12 calls run"),
        (403, '{"info": "not you"}', "not you"),
        (403, '{"title": "Forbidden"}', "Forbidden"),
        (422, '{"detail": [{"loc": ["body"]}]}', "422 Unprocessable Entity"),
        (502, "<html>bad gateway</html>", "502 Bad Gateway"),
        (599, "", "599 refused"),
    ],
)
def test_a_refusal_is_told_in_its_own_words(status: int, body: str, words: str) -> None:
    told = problem_text(status, body)

    assert told.replace("Content", "Entity") == words


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/ws?token=t", "ws://h/ws?token=t"),
        ("https://h/ws", "wss://h/ws"),
        ("wss://h/ws", "wss://h/ws"),
    ],
)
def test_websocket_addresses_have_their_scheme(url: str, expected: str) -> None:
    assert websocket_url(url) == expected
