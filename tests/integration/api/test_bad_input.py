"""Bad input over HTTP, with the real transports behind it."""

import asyncio

import pytest

from tests.integration.api.conftest import Site

NO_AUDIO = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
"""
AUDIO_ONLY_IN_NAME = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("this is no SDP", "SDP"),
        ("\x00" * 100, "SDP"),
        ("v=0\r\n" * 10_000, ""),
        (NO_AUDIO.replace("\n", "\r\n"), "audio"),
        (AUDIO_ONLY_IN_NAME, ""),
        ("v=0\r\nm=audio nine\r\n", "SDP"),
    ],
    ids=["prose", "zeros", "long", "no audio", "audio without a key", "unreadable"],
)
async def test_an_offer_that_is_none_is_refused_and_leaves_nothing(
    site: Site, sdp: str, words: str
) -> None:
    new = await site.harness.sessions.create()
    for path, headers in (
        (f"/v1/sessions/{new.session_id}/offer", {"Authorization": f"Bearer {new.token}"}),
        ("/api/offer", {}),
    ):
        response = await site.http.post(path, json={"sdp": sdp, "type": "offer"}, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "offer_invalid")
        assert words in response.json()["detail"]
    assert site.webrtc.open_count == 0


async def test_a_patch_for_an_unknown_peer_is_refused(site: Site) -> None:
    new = await site.harness.sessions.create()
    body = {"pc_id": "SmallWebRTCConnection#0", "candidates": []}
    for path, headers in (
        (f"/v1/sessions/{new.session_id}/offer", {"Authorization": f"Bearer {new.token}"}),
        (f"/sessions/{new.token}/api/offer", {}),
        ("/api/offer", {}),
    ):
        response = await site.http.patch(path, json=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (404, "peer_not_found")


async def test_a_body_over_the_limit_is_refused_before_it_is_read(site: Site) -> None:
    reader, writer = await asyncio.open_connection("localhost", site.port)
    try:
        writer.write(
            b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
        )
        async with asyncio.timeout(5):
            answer = await reader.read()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET /v1/agents HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
        b"GET /v1/agents HTTP/1.0\r\n\r\n",
        b"GET http://attacker.example/v1/agents HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
    ],
)
async def test_another_host_or_none_is_refused(site: Site, request_head: bytes) -> None:
    reader, writer = await asyncio.open_connection("localhost", site.port)
    try:
        writer.write(request_head)
        async with asyncio.timeout(5):
            answer = await reader.readline()
    finally:
        writer.close()
    assert answer.startswith(b"HTTP/1.1 403 ")
