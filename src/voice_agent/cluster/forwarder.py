"""Brings a request to another process over HTTP, and its answer back."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from loguru import logger
from starlette.types import Receive, Scope, Send
from yarl import URL

from voice_agent.cluster.passport import Passports
from voice_agent.cluster.request_head import FORWARDED
from voice_agent.core.errors import OwnerUnreachableError

CONNECT_TIMEOUT_S: Final = 2.0
HEAD_TIMEOUT_S: Final = 15.0
"""Until the answer begins; making a WebRTC answer may take 10 s."""
SILENCE_TIMEOUT_S: Final = 45.0
"""Within an answer. A stream of events says something every 15 s."""
CONNECTIONS_LIMIT: Final = 256
_CHUNK_BYTES: Final = 64 * 1024
_OF_ONE_CONNECTION: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("trailer", "transfer-encoding", "upgrade", "expect", "content-length"),
    }
)
_ADDED_HERE: Final = frozenset({"date", "server", "vary"})
_CORS: Final = "access-control-"


class Forwarder:
    """Forwards what it is told to. Media never passes here: only requests for it do."""

    def __init__(self, passports: Passports) -> None:
        self._passports = passports
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def forward(
        self, url: str, process: str, scope: Scope, body: bytes, receive: Receive, send: Send
    ) -> None:
        """Let `process`, whose server is at `url`, answer the request of `scope`.

        Raises:
            OwnerUnreachableError: No answer began; nothing was sent to the client yet.
        """
        target = target_of(scope)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if (lower := name.lower().decode("latin-1")) not in _OF_ONE_CONNECTION
            and lower != FORWARDED
        ]
        headers.append((FORWARDED, self._passports.issue(process, scope["method"], target)))
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                response = await self._http().request(
                    scope["method"],
                    URL(url + target, encoded=True),
                    headers=headers,
                    data=body or None,
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            logger.warning("process {} at {} does not answer: {!r}", process, url, error)
            raise OwnerUnreachableError(
                "the server that has this call does not answer now; try again, or connect anew"
            ) from error
        try:
            await _until_gone(_answer(response, send), receive)
        finally:
            response.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_LIMIT),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session


def target_of(scope: Scope) -> str:
    """Return path and query of a request as they came."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (path + (b"?" + query if query else b"")).decode("latin-1")


async def _answer(response: aiohttp.ClientResponse, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in response.raw_headers
        if _is_passed_on(name.lower().decode("latin-1"), response.headers)
    ]
    start = {"type": "http.response.start", "status": response.status, "headers": headers}
    await send(start)
    async for chunk in response.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _is_passed_on(name: str, headers: Mapping[str, str]) -> bool:
    """What belongs to the connection, or is put on here too, is not."""
    if name == "content-length":
        return "transfer-encoding" not in headers
    return name not in _OF_ONE_CONNECTION | _ADDED_HERE and not name.startswith(_CORS)


async def _until_gone(answering: Any, receive: Receive) -> None:
    """Let `answering` go on until it is done, or the client is gone."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    work, watching = asyncio.ensure_future(answering), asyncio.ensure_future(gone())
    try:
        await asyncio.wait({work, watching}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
    finally:
        for task in (work, watching):
            task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(work, watching, return_exceptions=True)
