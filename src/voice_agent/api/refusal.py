"""How a refusal reaches the client, whatever it asked by."""

from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from voice_agent.api.problems import Problem, problem_response

CLOSE_CODE_BASE = 4000
"""A WebSocket close code is this plus the HTTP status, on servers that cannot send a response."""
_REASON_BYTES = 123
"""What fits into a close frame (RFC 6455, 5.5)."""


async def refuse(
    problem: Problem,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer an HTTP request or a WebSocket handshake with `problem`.

    The handshake gets the same HTTP response, if the server knows ASGI's extension for that
    (`websocket.http.response`; uvicorn does), else a close with a code of its own.
    """
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get(
        "extensions", {}
    ):
        reason = problem.detail.encode()[:_REASON_BYTES].decode(errors="ignore")
        code = CLOSE_CODE_BASE + problem.status
        await send({"type": "websocket.close", "code": code, "reason": reason})
        return
    await problem_response(problem, headers)(scope, receive, send)
