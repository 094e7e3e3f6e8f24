"""Middleware of a server among several: brings a request to the process that it belongs to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from loguru import logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice_agent.cluster.errand import Errand, errand_of, has_body, may_be_elsewhere
from voice_agent.cluster.forwarder import Forwarder, target_of
from voice_agent.cluster.passport import Passports
from voice_agent.cluster.request_head import FORWARDED, RequestHead
from voice_agent.cluster.server_directory import ServerDirectory
from voice_agent.core.errors import OwnerUnreachableError, StorageUnavailableError
from voice_agent.core.process_ids import process_of, server_of


@dataclass(frozen=True)
class Owners:
    """Who has which session: `is_here` says it of this process, `owner` asks the store."""

    is_here: Callable[[str], bool]
    owner: Callable[[str], Awaitable[str | None]]


class OtherServers:
    """What one process needs to reach all others; `middleware` puts it in front of the routes."""

    def __init__(
        self,
        process: str,
        owners: Owners,
        directory: ServerDirectory,
        passports: Passports,
    ) -> None:
        self._process = process
        self._owners = owners
        self._directory = directory
        self._passports = passports
        self._forwarder = Forwarder(passports)

    async def start(self) -> None:
        """Tell the others of this server; raises as `ServerDirectory.start` does."""
        await self._directory.start()

    async def stop(self) -> None:
        """Let nothing more come from the others, and forward nothing more."""
        await self._directory.stop()
        await self._forwarder.close()

    def middleware(self, app: ASGIApp) -> ASGIApp:
        """Return `app` with requests that belong elsewhere brought there."""
        return Elsewhere(app, self)

    async def place_of(self, errand: Errand) -> tuple[str, str] | None:
        """Return the process that has it and where that is reached; None: it is to be done here.

        A process whose server is gone has nothing any more: its sessions may be taken over here,
        and its peers are not found.
        """
        process = await self._process_of(errand)
        if process is None or process == self._process:
            return None
        server = server_of(process)
        url = await self._directory.address_of(server) if server is not None else None
        return None if url is None else (process, url)

    def check_passport(self, passport: str, scope: Scope) -> None:
        """Raise ForwardingRefusedError unless a server that knows this one has forwarded it."""
        self._passports.check(passport, scope["method"], target_of(scope))

    async def forward(
        self, place: tuple[str, str], scope: Scope, body: bytes, receive: Receive, send: Send
    ) -> None:
        """Let that process answer; raises OwnerUnreachableError as `Forwarder.forward` does."""
        process, url = place
        await self._forwarder.forward(url, process, scope, body, receive, send)

    async def _process_of(self, errand: Errand) -> str | None:
        if errand.peer is not None:
            return process_of(errand.peer)
        session_id = errand.session_id
        if session_id is None:
            return None
        # Also of a session that seems to be here: another may have taken it over just now.
        try:
            owner = await self._owners.owner(session_id)
        except StorageUnavailableError as error:
            logger.warning("it is not known who has a session: {}", error)
            if self._owners.is_here(session_id):
                return None
            owner = None
        # Who made it had it once, and has perhaps still something to write down of it.
        return process_of(owner or session_id)


class Elsewhere:
    """Forwards a request once; one that was forwarded is carried out where it came to."""

    def __init__(self, app: ASGIApp, others: OtherServers) -> None:
        self._app = app
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or bring it to the process that it belongs to.

        Raises:
            ForwardingRefusedError: It claims to have been forwarded, and was not.
            OwnerUnreachableError: Nobody else could do it, and who could does not answer.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = _head_of(scope)
        if (passport := head.headers.get(FORWARDED)) is not None:
            self._others.check_passport(passport, scope)
        elif may_be_elsewhere(head):
            body = await _read(receive) if has_body(head) else b""
            if has_body(head):
                receive = _again(body, receive)
            errand = errand_of(head, body)
            place = await self._others.place_of(errand)
            if place is not None:
                try:
                    await self._others.forward(place, scope, body, receive, send)
                except OwnerUnreachableError:
                    if errand.only_there:
                        raise
                else:
                    return
        await self._app(scope, receive, send)


def _head_of(scope: Scope) -> RequestHead:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    query: dict[str, str] = {}
    for name, value in parse_qsl(scope.get("query_string", b"").decode("latin-1")):
        query.setdefault(name, value)
    return RequestHead(scope["method"], scope["path"], query, headers, length=0)


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives `body` once more, and then what comes after it."""
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        request: dict[str, Any] = {"type": "http.request", "body": body, "more_body": False}
        return request

    return give
