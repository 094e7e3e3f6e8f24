"""A server that speaks OpenAI's protocol: scripted answers, settable latencies, faults on purpose.

    async with OpenAIServer() as server:
        server.replies.append("We open at nine.")
        server.latency = Latency(first_token_s=0.3)
        server.fail_next(Route.SPEECH, Fault.CUT)
        ...  # use server.base_url
        assert server.requests_to(Route.CHAT)[0].body["model"] == "test"

It runs in the event loop of the test, on a free port of the loopback interface.
"""

import asyncio
import json
import math
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

SAMPLE_RATE: Final = 24_000
"""Samples a second of the speech it sends: 16-bit little-endian, one channel."""
_TONE_HZ: Final = 440
_TONE_AMPLITUDE: Final = 8000
_SECONDS_A_CHARACTER: Final = 0.06
_SPEECH_CHUNK: Final = 4800


class Route(StrEnum):
    """What the server can be asked for."""

    CHAT = "/v1/chat/completions"
    TRANSCRIPTION = "/v1/audio/transcriptions"
    SPEECH = "/v1/audio/speech"
    MODELS = "/v1/models"


class Fault(StrEnum):
    """How a request can go wrong."""

    FAIL = "fail"
    """It is answered with status 500."""
    HANG = "hang"
    """It is not answered while the server runs."""
    CUT = "cut"
    """The connection is cut in the middle of the answer."""


@dataclass(frozen=True)
class Latency:
    """How long the server takes, in seconds."""

    first_token_s: float = 0.0
    token_s: float = 0.0
    transcription_s: float = 0.0
    first_audio_s: float = 0.0


@dataclass(frozen=True)
class RecordedRequest:
    """A request as it came: its JSON body or form fields, and the file it carried."""

    route: Route
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    file: bytes = b""


def tone(text: str) -> bytes:
    """Return a tone as long as it takes to say `text`, as 16-bit samples at `SAMPLE_RATE`."""
    count = int(len(text) * _SECONDS_A_CHARACTER * SAMPLE_RATE)
    step = 2 * math.pi * _TONE_HZ / SAMPLE_RATE
    return struct.pack(
        f"<{count}h", *(int(_TONE_AMPLITUDE * math.sin(step * index)) for index in range(count))
    )


@dataclass
class OpenAIServer:
    """The server; it runs while it is entered.

    `replies` and `transcripts` are used up in order, then `default_reply` and `default_transcript`
    are given, unless `think` answers the messages of a chat. With `api_key`, other keys are
    refused. `speak` makes the speech of a text.
    """

    default_reply: str = "I heard you."
    default_transcript: str = "Hello."
    api_key: str | None = None
    models: tuple[str, ...] = ("test",)
    speak: Callable[[str], bytes] = tone
    think: Callable[[Sequence[Mapping[str, Any]]], str | None] = lambda _: None
    latency: Latency = field(default_factory=Latency)
    replies: deque[str] = field(default_factory=deque)
    transcripts: deque[str] = field(default_factory=deque)
    requests: list[RecordedRequest] = field(default_factory=list)
    clients: set[Any] = field(default_factory=set)
    """The addresses that requests came from: one for each connection."""
    _faults: dict[Route, deque[Fault]] = field(default_factory=dict)
    _port: int = 0
    _runner: web.AppRunner | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        """What a client takes for its base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    def fail_next(self, route: Route, fault: Fault, *, times: int = 1) -> None:
        """Let the next `times` requests to `route` go wrong."""
        self._faults.setdefault(route, deque()).extend([fault] * times)

    def requests_to(self, route: Route) -> list[RecordedRequest]:
        """Return the requests to `route`, in order."""
        return [request for request in self.requests if request.route is route]

    async def __aenter__(self) -> Self:
        """Start to listen."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post(Route.CHAT, self._chat)
        app.router.add_post(Route.TRANSCRIPTION, self._transcribe)
        app.router.add_post(Route.SPEECH, self._speech)
        app.router.add_get(Route.MODELS, self._list_models)
        self._stopping.clear()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and end what hangs."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await self._receive(request, Route.CHAT, body)
        fault = await self._fault(Route.CHAT)
        reply = self.think(body["messages"])
        if reply is None:
            reply = self.replies.popleft() if self.replies else self.default_reply
        await asyncio.sleep(self.latency.first_token_s)
        if not body.get("stream"):
            message = {"role": "assistant", "content": reply}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return web.json_response(_completion("chat.completion", body, [choice]))
        events = self._chat_events(body, reply)
        return await _stream(request, "text/event-stream", events, fault)

    async def _chat_events(self, body: Mapping[str, Any], reply: str) -> AsyncIterator[bytes]:
        kind = "chat.completion.chunk"
        for word in reply.split(" "):
            delta = {"role": "assistant", "content": word + " "}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            yield _event(_completion(kind, body, [choice]))
            await asyncio.sleep(self.latency.token_s)
        yield _event(_completion(kind, body, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        if (body.get("stream_options") or {}).get("include_usage"):
            count = len(reply.split(" "))
            usage = {"prompt_tokens": 1, "completion_tokens": count, "total_tokens": count + 1}
            yield _event({**_completion(kind, body, []), "usage": usage})
        yield b"data: [DONE]\n\n"

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        uploads = [value for value in form.values() if isinstance(value, web.FileField)]
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        file = uploads[0].file.read() if uploads else b""
        await self._receive(request, Route.TRANSCRIPTION, fields, file)
        fault = await self._fault(Route.TRANSCRIPTION)
        await asyncio.sleep(self.latency.transcription_s)
        text = self.transcripts.popleft() if self.transcripts else self.default_transcript
        answer = _parts(json.dumps({"text": text}).encode(), 16)
        return await _stream(request, "application/json", answer, fault)

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await self._receive(request, Route.SPEECH, body)
        fault = await self._fault(Route.SPEECH)
        await asyncio.sleep(self.latency.first_audio_s)
        audio = _parts(self.speak(body["input"]), _SPEECH_CHUNK)
        return await _stream(request, "audio/pcm", audio, fault)

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        await self._receive(request, Route.MODELS, {})
        listed = [{"id": name, "object": "model", "owned_by": "test"} for name in self.models]
        return web.json_response({"object": "list", "data": listed})

    async def _receive(
        self, request: web.Request, route: Route, body: Mapping[str, Any], file: bytes = b""
    ) -> None:
        if request.transport is not None:
            self.clients.add(request.transport.get_extra_info("peername"))
        self.requests.append(RecordedRequest(route, dict(request.headers), body, file))
        if self.api_key and request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise web.HTTPUnauthorized(text=_problem("wrong API key"), content_type=_JSON)

    async def _fault(self, route: Route) -> Fault | None:
        faults = self._faults.get(route)
        fault = faults.popleft() if faults else None
        if fault is Fault.FAIL:
            raise web.HTTPInternalServerError(
                text=_problem("failed on purpose"), content_type=_JSON
            )
        if fault is Fault.HANG:
            await self._stopping.wait()
            raise web.HTTPServiceUnavailable(text=_problem("the server stops"), content_type=_JSON)
        return fault


_JSON: Final = "application/json"


def _problem(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "test"}})


def _completion(kind: str, body: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
    return {
        "id": "test",
        "object": kind,
        "created": 0,
        "model": body.get("model", ""),
        "choices": choices,
    }


def _event(content: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()


async def _parts(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def _stream(
    request: web.Request, content_type: str, parts: AsyncIterator[bytes], fault: Fault | None
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    async for part in parts:
        await response.write(part)
        if fault is Fault.CUT:
            if request.transport is not None:
                request.transport.close()
            return response
    await response.write_eof()
    return response
