from typing import Any

from starlette.types import Message

from voice_agent.api.problems import problem_of_code
from voice_agent.api.refusal import refuse


async def _refused(extensions: dict[str, Any], detail: str) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "extensions": extensions}
    await refuse(problem_of_code("token_invalid", detail), scope, receive, send)
    return sent


async def test_a_handshake_is_refused_with_a_response_where_the_server_can() -> None:
    start, body = await _refused({"websocket.http.response": {}}, "wrong")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert b'"code":"token_invalid"' in body["body"]


async def test_a_handshake_is_refused_with_a_close_code_where_the_server_cannot() -> None:
    (close,) = await _refused({}, "wrong")
    assert close == {"type": "websocket.close", "code": 4401, "reason": "wrong"}


async def test_a_long_reason_is_cut_to_what_a_close_frame_holds() -> None:
    (close,) = await _refused({}, "ä" * 100)
    assert close["reason"] == "ä" * 61
