"""A process among several: one request a connection, and word of each session that began."""

from typing import Any

import pytest

from voice_agent.cluster.one_request import PLACED, OneRequest


async def run(app: Any, scope: dict[str, Any]) -> tuple[list[Any], list[int]]:
    """Return what was sent, and which numbers were settled before the first of it went out."""
    sent: list[Any] = []
    settled: list[int] = []

    async def send(message: Any) -> None:
        if not sent and scope.get("state"):
            assert settled, "word goes first"
        sent.append(message)

    await OneRequest(app, settled.append)(scope, None, send)  # type: ignore[arg-type]
    return sent, settled


async def answer(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"Connection", b"keep-alive"), (b"x-a", b"b")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def accept(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept", "headers": []})


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Return without an answer, as when the client is gone."""


async def test_a_response_closes_its_connection() -> None:
    sent, settled = await run(answer, {"type": "http"})
    assert sent[0]["headers"] == [(b"x-a", b"b"), (b"connection", b"close")]
    assert settled == []


async def test_a_websocket_stays_open() -> None:
    sent, _ = await run(accept, {"type": "websocket"})
    assert sent == [{"type": "websocket.accept", "headers": []}]


@pytest.mark.parametrize(
    ("app", "kind"), [(answer, "http"), (accept, "websocket"), (refuse, "http")]
)
async def test_what_was_placed_is_settled_once(app: Any, kind: str) -> None:
    _, settled = await run(app, {"type": kind, "state": {PLACED: 7}})
    assert settled == [7]
