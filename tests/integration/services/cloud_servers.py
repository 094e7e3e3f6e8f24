"""Servers that speak the protocols of Deepgram and Cartesia."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

SPEECH = b"\x01\x02" * 4800
"""What the Cartesia server says for every text: 0.2 seconds at 24 kHz."""


@asynccontextmanager
async def websocket_server(
    handle: Callable[[ServerConnection], Awaitable[None]],
    *,
    gate: asyncio.Event | None = None,
    refuse: bool = False,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """Serve `handle`; with a `gate`, handshakes wait until it opens."""

    async def before(connection: ServerConnection, _: Request) -> Response | None:
        if gate is not None:
            await gate.wait()
        return connection.respond(HTTPStatus.UNAUTHORIZED, "wrong key") if refuse else None

    async with serve(handle, "127.0.0.1", 0, process_request=before, ssl=tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


@dataclass
class Cartesia:
    """Says every text it is asked for, a tenth of a second a word."""

    said: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0

    async def __call__(self, connection: ServerConnection) -> None:
        """Serve one connection; a turn has one stream of audio and of times."""
        self.connections += 1
        began: dict[str, float] = {}
        async for text in connection:
            request = json.loads(text)
            self.messages.append(request)
            context_id = request["context_id"]
            if request.get("cancel"):
                continue
            if request["transcript"]:
                self.said.append(request["transcript"])
                words = request["transcript"].split()
                start = began.get(context_id, 0.0)
                times = [start + 0.1 * number for number in range(len(words))]
                began[context_id] = start + 0.1 * len(words)
                timestamps = {"words": words, "start": times, "end": times}
                data = base64.b64encode(SPEECH[: 4800 * len(words)]).decode()
                await self._send(connection, context_id, "timestamps", word_timestamps=timestamps)
                await self._send(connection, context_id, "chunk", data=data)
            if not request["continue"]:
                await self._send(connection, context_id, "done")

    async def _send(
        self, connection: ServerConnection, context_id: str, kind: str, **more: Any
    ) -> None:
        await connection.send(json.dumps({"type": kind, "context_id": context_id, **more}))
