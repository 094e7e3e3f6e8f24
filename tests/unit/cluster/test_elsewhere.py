"""What another process has is brought there, once; over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice_agent.cluster.elsewhere import OtherServers, Owners
from voice_agent.cluster.passport import Passports
from voice_agent.cluster.request_head import FORWARDED
from voice_agent.cluster.server_directory import ServerDirectory
from voice_agent.core.errors import (
    ForwardingRefusedError,
    OwnerUnreachableError,
    StorageUnavailableError,
)
from voice_agent.storage.server_rows import KnownServer

HERE, THERE = "p0-a", "p1-b"
SESSION = f"{HERE}.session"
PASSPORTS = Passports("k" * 32, lambda: 1000.0)
NOBODY_LISTENS = "http://127.0.0.1:9"


class Rows:
    def __init__(self, url: str) -> None:
        self.kept = {"b": KnownServer(url, 0.0)}

    async def beat(self, name: str, server: KnownServer) -> Mapping[str, KnownServer]:
        return self.kept

    async def all(self) -> Mapping[str, KnownServer]:
        return self.kept

    async def remove(self, name: str, beat_at: float | None = None) -> None:
        self.kept.pop(name, None)


class Here:
    """The application of the process that is asked."""

    def __init__(self) -> None:
        self.took: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.took.append((await receive()).get("body", b""))
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"here"})


class There:
    """The server that has what is asked for."""

    def __init__(self) -> None:
        self.requests: list[tuple[web.BaseRequest, bytes]] = []
        self.url = ""
        self.streams = asyncio.Event()
        self.is_left = asyncio.Event()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request, await request.read()))
        if request.path.endswith("/events"):
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await response.write(b"first\n")
            try:
                await self.streams.wait()
            except asyncio.CancelledError:
                self.is_left.set()
                raise
            await response.write(b"second\n")
            return response
        headers = {"Retry-After": "7", "Access-Control-Allow-Origin": "*"}
        return web.json_response({"at": "there"}, status=409, headers=headers)


@pytest.fixture
async def there() -> AsyncIterator[There]:
    there = There()
    runner = web.ServerRunner(web.Server(there.answer, handler_cancellation=True))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    there.url = f"http://{host}:{port}"
    yield there
    await runner.cleanup()


@asynccontextmanager
async def others(
    url: str,
    *,
    owner: str | StorageUnavailableError | None = f"{THERE}.host",
    is_here: bool = False,
) -> AsyncIterator[OtherServers]:
    async def owner_of(session_id: str) -> str | None:
        if isinstance(owner, StorageUnavailableError):
            raise owner
        return owner

    directory = ServerDirectory(Rows(url), "a", "http://10.0.0.1", lambda: 0.0, lambda: 0.0)
    made = OtherServers(HERE, Owners(lambda _: is_here, owner_of), directory, PASSPORTS)
    await made.start()
    yield made
    await made.stop()


class Answered:
    """What a client got; `receive` is what it sends."""

    def __init__(self, body: bytes = b"", *, leaves: asyncio.Event | None = None) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.came = asyncio.Event()
        self._leaves = leaves or asyncio.Event()
        half = len(body) // 2
        self._parts: list[Message] = [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:], "more_body": False},
        ]

    async def receive(self) -> Message:
        if self._parts:
            return self._parts.pop(0)
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")
            self.came.set()


async def ask(
    app: ASGIApp, method: str, target: str, answered: Answered, **headers: str
) -> Answered:
    path, _, query = target.partition("?")
    lines: list[tuple[bytes, bytes]] = [(b"host", b"voice.example.com"), (b"te", b"trailers")]
    lines += [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": lines,
    }
    await app(scope, answered.receive, answered.send)
    return answered


async def test_the_owner_gets_all_of_it_and_his_answer_comes_back(there: There) -> None:
    here = Here()
    async with others(there.url) as made:
        target, body = f"/v1/sessions/{SESSION}/say?a=%20b", b'{"text": "hello"}'
        answered = await ask(
            made.middleware(here), "POST", target, Answered(body), authorization="Bearer x"
        )
    [(request, got)] = there.requests
    assert (request.method, request.raw_path, got) == ("POST", target, body)
    assert request.headers["Host"] == "voice.example.com"
    assert request.headers["Authorization"] == "Bearer x"
    assert "TE" not in request.headers
    PASSPORTS.check(request.headers[FORWARDED], "POST", target)
    assert (answered.status, answered.body) == (409, b'{"at": "there"}')
    assert answered.headers[b"retry-after"] == b"7"
    assert b"access-control-allow-origin" not in answered.headers, "it is put on here"
    assert not here.took


async def test_what_was_forwarded_is_not_forwarded_again(there: There) -> None:
    here = Here()
    target = f"/v1/sessions/{SESSION}/say"
    async with others(there.url) as made:
        app = made.middleware(here)
        passport = PASSPORTS.issue(HERE, "POST", target)
        answered = await ask(app, "POST", target, Answered(b"{}"), voice_agent_forwarded=passport)
        assert answered.status == 299
        with pytest.raises(ForwardingRefusedError):
            await ask(app, "POST", target, Answered(b"{}"), voice_agent_forwarded="forged")
        with pytest.raises(ForwardingRefusedError):
            await ask(app, "DELETE", target, Answered(), voice_agent_forwarded=passport)
    assert (len(here.took), there.requests) == (1, [])


@pytest.mark.parametrize(
    ("owner", "is_here"),
    [
        (f"{HERE}.host", False),
        ("p0.host-of-a-server-without-a-name", False),
        ("p0-gone.host", False),
        (None, False),  # the one who made it is this one
        (StorageUnavailableError("away"), True),
    ],
)
async def test_what_nobody_else_has_is_done_here(
    there: There, owner: str | StorageUnavailableError | None, is_here: bool
) -> None:
    here, body = Here(), b'{"text": "hello"}'
    async with others(there.url, owner=owner, is_here=is_here) as made:
        target = f"/v1/sessions/{SESSION}/say"
        answered = await ask(made.middleware(here), "POST", target, Answered(body))
    assert (answered.status, here.took, there.requests) == (299, [body], [])


async def test_when_the_owner_cannot_be_reached_what_can_be_done_here_is() -> None:
    here = Here()
    async with others(NOBODY_LISTENS) as made:
        app = made.middleware(here)
        path = f"/v1/sessions/{SESSION}/offer"
        for body in (b'{"sdp": "v"}', b'{"sdp": "v", "pc_id": "p1-b.x", "restart_pc": true}'):
            assert (await ask(app, "POST", path, Answered(body))).status == 299
        for method in ("POST", "PATCH"):
            with pytest.raises(OwnerUnreachableError, match="connect anew"):
                await ask(app, method, path, Answered(b'{"pc_id": "p1-b.x"}'))
        with pytest.raises(OwnerUnreachableError):
            await ask(app, "POST", f"/v1/sessions/{SESSION}/say", Answered(b"{}"))


async def test_a_stream_comes_as_it_is_sent_and_ends_when_its_reader_goes(there: There) -> None:
    async with others(there.url) as made:
        app, path = made.middleware(Here()), f"/v1/sessions/{SESSION}/events"
        leaves = asyncio.Event()
        leaving = Answered(leaves=leaves)
        asking = asyncio.create_task(ask(app, "GET", path, leaving))
        async with asyncio.timeout(10):
            await leaving.came.wait()
            assert leaving.body == b"first\n"
            leaves.set()
            await asking
            await there.is_left.wait()
            there.streams.set()
            whole = await ask(app, "GET", path, Answered())
        assert whole.body == b"first\nsecond\n"


async def test_sockets_and_what_is_about_nothing_pass(there: There) -> None:
    passed: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope["type"])

    async with others(there.url) as made:
        middleware = made.middleware(app)
        answered = Answered()
        await middleware(
            {"type": "websocket", "path": f"/v1/sessions/{SESSION}/ws", "headers": []},
            answered.receive,
            answered.send,
        )
        await ask(middleware, "POST", "/v1/sessions", answered)
        await ask(middleware, "POST", "/api/offer", Answered(b'{"sdp": "v"}'))
    assert (passed, there.requests) == (["websocket", "http", "http"], [])
