from typing import Any

import pytest
from starlette.types import Message

from voice_agent.api.failures import FailureGuard
from voice_agent.core.errors import OwnerUnreachableError


async def _guarded(
    kind: str, *sent_before: Message, error: Exception | None = None
) -> list[Message]:
    """Run an application that sends something, then fails; return all that was sent."""
    sent: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in sent_before:
            await send(message)
        raise error or RuntimeError("hunter2")

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is to be read")

    scope = {"type": kind, "extensions": {"websocket.http.response": {}}}
    await FailureGuard(app)(scope, receive, send)
    return sent


async def test_a_request_that_fails_before_its_answer_gets_a_problem_document() -> None:
    start, body = await _guarded("http")
    assert start["status"] == 500
    assert b"internal" in body["body"]
    assert b"hunter2" not in body["body"]


async def test_an_answer_that_breaks_off_is_left_to_the_server_to_cut() -> None:
    with pytest.raises(RuntimeError):
        await _guarded("http", {"type": "http.response.start", "status": 200, "headers": []})


async def test_a_handshake_that_fails_gets_a_problem_document() -> None:
    start, _ = await _guarded("websocket")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 500)


async def test_a_socket_that_fails_is_closed_with_a_code() -> None:
    *_, close = await _guarded("websocket", {"type": "websocket.accept"})
    assert close == {"type": "websocket.close", "code": 1011}


async def test_what_other_middleware_can_explain_is_explained() -> None:
    start, body = await _guarded("http", error=OwnerUnreachableError("connect anew"))
    assert start["status"] == 503
    assert b"connect anew" in body["body"]
    assert (b"retry-after", b"5") in start["headers"]
