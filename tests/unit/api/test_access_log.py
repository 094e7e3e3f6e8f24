from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from loguru import logger
from starlette.types import Message

from tests.unit.api.conftest import ClientMaker
from voice_agent.api.access_log import AccessLog, logged_path
from voice_agent.testing.harness import ConversationHarness


@pytest.fixture
def lines() -> Iterator[list[tuple[str, str, str | None]]]:
    """Level, text and session of each line that the access log writes."""
    kept: list[tuple[str, str, str | None]] = []

    def keep(message: Any) -> None:
        record = message.record
        kept.append((record["level"].name, record["message"], record["extra"].get("session_id")))

    sink = logger.add(keep, level="DEBUG", filter="voice_agent.api.access_log")
    yield kept
    logger.remove(sink)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/sessions/abc/offer", "/v1/sessions/abc/offer"),
        ("/sessions/abc.def/api/offer", "/sessions/***/api/offer"),
        ("/ws-client/" + "t" * 80, "/ws-client/***"),
        ("/a\nforged line", "/a%0Aforged%20line"),
    ],
)
def test_a_path_is_logged_without_tokens_and_line_breaks(path: str, expected: str) -> None:
    assert logged_path(path) == expected


async def test_a_request_is_one_line_with_its_session(
    client: httpx2.AsyncClient, harness: ConversationHarness, lines: list[tuple[str, str, str]]
) -> None:
    new = await harness.sessions.create()
    await client.get(
        f"/v1/sessions/{new.session_id}?x=secret",
        headers={"Authorization": f"Bearer {new.token}"},
    )
    ((level, text, session_id),) = lines
    assert level == "INFO"
    assert text.startswith(f"GET /v1/sessions/{new.session_id} 200 ")
    assert text.endswith(" ms")
    assert session_id == new.session_id


async def test_a_refusal_is_logged_with_its_code(
    client: httpx2.AsyncClient, lines: list[tuple[str, str, str]]
) -> None:
    await client.post("/api/offer?token=hunter2", json={"sdp": "v=0"})
    ((_, text, _),) = lines
    assert text.startswith("POST /api/offer 401 ")
    assert text.endswith(" token_invalid")


async def test_no_token_gets_into_any_line(
    client_of: ClientMaker, lines: list[tuple[str, str, str]]
) -> None:
    client = client_of()
    token = (await client.post("/start")).json()["sessionId"]
    bodies = {"sdp": "v=0\nm=audio", "type": "offer"}
    await client.post(f"/sessions/{token}/api/offer", json=bodies)
    await client.post(f"/sessions/{token}/api/wrong", json=bodies)
    await client.get(f"/ws-client/{token}?token={token}")
    assert len(lines) == 4
    assert all(token not in text and token[:20] not in text for _, text, _ in lines)


async def test_probes_are_logged_at_debug_level(
    client: httpx2.AsyncClient, lines: list[tuple[str, str, str]]
) -> None:
    await client.get("/healthz")
    await client.get("/readyz")
    assert [level for level, *_ in lines] == ["DEBUG", "DEBUG"]


async def _run(messages: list[Message], received: list[Message]) -> None:
    """Run the log over a WebSocket that sends `messages`, on a clock that steps by seconds."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["session_id"] = "abc"
        for _ in received:
            await receive()
        for message in messages:
            await send(message)

    async def receive() -> Message:
        return received[0]

    async def send(message: Message) -> None:
        del message

    steps = iter(range(10))
    scope = {"type": "websocket", "path": "/ws", "query_string": b"token=hunter2", "state": {}}
    await AccessLog(app, lambda: next(steps))(scope, receive, send)


async def test_a_websocket_is_logged_when_accepted_and_when_closed(
    lines: list[tuple[str, str, str]],
) -> None:
    await _run([{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1012}], [])
    assert lines == [
        ("INFO", "WS /ws 101 accepted 1000 ms", "abc"),
        ("INFO", "WS /ws 101 closed 1012 2000 ms", "abc"),
    ]


async def test_a_websocket_that_the_client_closed_is_logged_with_his_code(
    lines: list[tuple[str, str, str]],
) -> None:
    await _run([], [{"type": "websocket.disconnect", "code": 1001}])
    assert lines == [("INFO", "WS /ws - closed 1001 1000 ms", "abc")]


async def test_a_refused_handshake_is_logged_with_its_status(
    lines: list[tuple[str, str, str]],
) -> None:
    await _run([{"type": "websocket.http.response.start", "status": 401}], [])
    assert lines == [("INFO", "WS /ws 401 1000 ms", "abc")]
