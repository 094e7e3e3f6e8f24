"""The supervisor and real processes, small ones: it starts, replaces and ends them."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from voice_agent.cluster import post as post_module
from voice_agent.cluster import supervisor as supervisor_module
from voice_agent.cluster.supervisor import EXIT_FAILED, EXIT_OK, Plan, Supervisor
from voice_agent.core.errors import SettingsError
from voice_agent.listening import listen

PATIENCE_S = 20.0
SMALL_PROCESS = str(Path(__file__).with_name("small_process.py"))
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
START = b"POST /start HTTP/1.1\r\nHost: a\r\n\r\n"


class Site:
    """A supervisor that runs processes with these briefings."""

    def __init__(self, *briefings: str) -> None:
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        command = (sys.executable, SMALL_PROCESS)
        plan = Plan(listener, command, [briefing.encode() for briefing in briefings])
        self.is_up = asyncio.Event()
        self._supervisor = Supervisor(plan, time.monotonic)
        self.running = asyncio.create_task(self._supervisor.run(self.is_up.set))

    async def ask(self, request: bytes = REQUEST) -> tuple[str, int]:
        """Return the briefing and the pid of the process that answers."""
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            answer = (await reader.read()).decode()
        writer.close()
        briefing, pid, _ = answer.split()
        return briefing, int(pid)

    async def pid_of(self, briefing: str, is_wanted: Callable[[int], bool] = lambda _: True) -> int:
        """Return the pid of the process with that briefing, waiting for one that is wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found, pid = await self.ask()
                if found == briefing and is_wanted(pid):
                    return pid

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the supervisor a signal and return its exit code."""
        os.kill(os.getpid(), number)
        async with asyncio.timeout(PATIENCE_S):
            return await self.running


@asynccontextmanager
async def up(*briefings: str) -> AsyncIterator[Site]:
    """Run a supervisor that is up; it ends with the block."""
    site = Site(*briefings)
    async with asyncio.timeout(PATIENCE_S):
        await site.is_up.wait()
    try:
        yield site
    finally:
        if not site.running.done():
            assert await site.end() == EXIT_OK


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_requests_go_to_all_and_sessions_where_there_is_room() -> None:
    async with up("a", "b") as site:
        asked = [await site.ask() for _ in range(4)]
        assert sorted(briefing for briefing, _ in asked) == ["a", "a", "b", "b"]
        begun = await asyncio.gather(*(site.ask(START) for _ in range(10)))
        assert sorted(briefing for briefing, _ in begun) == ["a"] * 5 + ["b"] * 5
        assert (await site.ask(b"GET /v1/sessions/p1.x HTTP/1.1\r\n\r\n"))[0] == "b"
        pids = {pid for _, pid in asked}
    assert not any(map(is_alive, pids))


async def test_a_process_that_dies_is_replaced_and_nobody_waits() -> None:
    async with up("a", "b") as site:
        old = await site.pid_of("b")
        os.kill(old, signal.SIGKILL)
        for _ in range(20):
            await site.ask()
        assert await site.pid_of("b", lambda pid: pid != old) != old


async def test_a_stuck_process_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "KILL_AFTER_S", 1.5)
    async with up("a", "b") as site:
        old = await site.pid_of("b")
        os.kill(old, signal.SIGSTOP)
        new = await site.pid_of("b", lambda pid: pid != old)
        assert is_alive(new)
        assert not is_alive(old)


async def test_a_setting_that_is_wrong_is_said_once() -> None:
    site = Site("fail", "fail")
    with pytest.raises(SettingsError, match=r"^VOICE_AGENT_PORT: taken$"):
        await site.running


async def test_a_first_process_that_crashes_ends_the_start() -> None:
    assert await Site("crash", "a").running == EXIT_FAILED


async def test_one_that_never_comes_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "START_TIMEOUT_S", 0.5)
    assert await Site("hang", "a").running == EXIT_FAILED


@pytest.mark.parametrize("briefings", [("hang", "a"), ("a", "hang"), ("a", "crash"), ("a", "fail")])
async def test_it_can_be_stopped_while_it_starts(briefings: tuple[str, str]) -> None:
    site = Site(*briefings)
    await asyncio.sleep(0.8)
    assert not site.is_up.is_set()
    assert await site.end(signal.SIGINT) == EXIT_OK


async def test_who_does_not_stop_is_hurried_and_then_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with up("stay", "a") as site:
        pid = await site.pid_of("stay")
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.3)
        assert is_alive(pid)
        assert await site.end(signal.SIGINT) == EXIT_OK
        assert not is_alive(pid)
    monkeypatch.setattr(supervisor_module, "DRAIN_TIMEOUT_S", 0.3)
    monkeypatch.setattr(supervisor_module, "HURRY_TIMEOUT_S", 0.3)
    async with up("a", "b") as site:
        pid = await site.pid_of("b")
        os.kill(pid, signal.SIGSTOP)
        assert await site.end() == EXIT_OK
        assert not is_alive(pid)
