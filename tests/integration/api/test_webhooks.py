"""Webhooks of a real server: told of real sessions, also after it was killed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 60.0
PRIVATE = {"VOICE_AGENT_WEBHOOK_ALLOW_PRIVATE": "true"}


@dataclass
class Target:
    """Somebody's server, which takes messages when it is told to."""

    url: str = ""
    takes: bool = True
    messages: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        async with self.arrived:
            self.messages.append(json.loads(await request.text()))
            self.arrived.notify_all()
        return web.Response(status=204 if self.takes else 500)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self.arrived:
            await self.arrived.wait_for(lambda: len(self.messages) >= count)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    target = Target()
    app = web.Application()
    app.router.add_post("/hook", target.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    target.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield target
    await runner.cleanup()


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[RunningServer]:
    """Run a server, with this test's own going on beside it."""
    with ExitStack() as stack:
        server = serving(folder, environment=PRIVATE)
        yield await asyncio.to_thread(stack.enter_context, server)


async def ask(server: RunningServer, method: str, path: str, body: Any = None) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, server.url.rstrip("/") + path, json=body) as answer,
    ):
        assert answer.ok, await answer.text()
        text = await answer.text()
        return json.loads(text) if answer.content_type == "application/json" and text else text


async def delivery_when(server: RunningServer, path: str, *, attempts: int) -> dict[str, Any]:
    """Return the only delivery once what came of so many attempts is known."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            deliveries = (await ask(server, "GET", path))["deliveries"]
            if deliveries and deliveries[0]["attempts"] == attempts:
                [delivery] = deliveries
                return dict(delivery)


async def test_a_session_that_ended_is_told_though_the_server_was_killed_meanwhile(
    target: Target, tmp_path: Path
) -> None:
    target.takes = False
    hook = {"url": target.url, "events": ["session.ended"]}
    async with started(tmp_path) as server:
        webhook = await ask(server, "POST", "/v1/webhooks", hook)
        new = await ask(server, "POST", "/v1/sessions", {"metadata": {"order": 7}})
        await ask(server, "DELETE", f"/v1/sessions/{new['session_id']}")
        path = f"/v1/webhooks/{webhook['id']}/deliveries"
        refused = await delivery_when(server, path, attempts=1)
        assert (refused["state"], refused["last_status"]) == ("pending", 500)
        server.process.kill()
        await asyncio.to_thread(server.process.wait)
    target.takes = True
    async with started(tmp_path) as server:
        await target.until(2)
        first, second = target.messages
        assert first == second
        assert second["type"] == "session.ended"
        assert second["data"]["session_id"] == new["session_id"]
        assert second["data"]["metadata"] == {"order": 7}
        assert second["data"]["end_reason"] == "requested"
        taken = await delivery_when(server, path, attempts=2)
        assert (taken["state"], taken["last_status"]) == ("delivered", 204)
        metrics = await ask(server, "GET", "/metrics")
        assert 'voice_agent_webhook_messages_total{outcome="delivered"} 1.0' in metrics
