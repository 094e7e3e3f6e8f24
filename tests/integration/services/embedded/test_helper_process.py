"""Helper processes: real children that work, die, hang, write garbage and lose their parent."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loguru import logger

from voice_agent.services.embedded import helper_connection
from voice_agent.services.embedded.helper_errors import (
    HelperDiedError,
    HelperOverflowError,
    HelperRequestError,
    HelperStreamClosedError,
    HelperTimeoutError,
    HelperUnavailableError,
)
from voice_agent.services.embedded.helper_process import HelperProcess, RestartPolicy

CHILD = str(Path(__file__).parent / "misbehaving_helper.py")
ECHO, DIE, HANG, HOLD_LOCK, GARBAGE, PRINT, FLOOD, REFUSE, WATCH, SEEN, STRANGER, ENVIRONMENT = (
    range(16, 28)
)
QUICK = RestartPolicy(first_pause_s=0.05, longest_pause_s=0.2, ready_timeout_s=5)


def command(*words: str) -> list[str]:
    return [sys.executable, CHILD, *words]


@pytest.fixture
async def helper() -> AsyncIterator[HelperProcess]:
    helper = HelperProcess("test", command(), restart=QUICK)
    await helper.start()
    yield helper
    pid = helper.pid
    await helper.close()
    assert pid is None or not exists(pid)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_zombie(pid: int) -> bool:
    """Whether it ended and only waits for the machine's first process to notice."""
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and ") Z " in state.read_text()


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(5):
        while exists(pid) and not is_zombie(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # No event tells of another's child.


async def test_many_streams_share_one_child_and_each_hears_its_own_answers(
    helper: HelperProcess,
) -> None:
    async def converse(number: int) -> None:
        with await helper.open_stream() as stream:
            for turn in range(20):
                payload = f"{number}/{turn}".encode() * 100
                answer = await stream.request(ECHO, payload, timeout_s=5)
                assert answer.payload == payload

    await asyncio.gather(*(converse(number) for number in range(20)))
    assert helper.starts == 1
    assert helper.stream_count == 0


async def test_a_payload_larger_than_every_buffer_comes_back_whole(helper: HelperProcess) -> None:
    payload = os.urandom(3_000_000)
    with await helper.open_stream() as stream:
        assert (await stream.request(ECHO, payload, timeout_s=10)).payload == payload


async def test_a_killed_child_fails_who_waits_at_once_and_comes_back(
    helper: HelperProcess,
) -> None:
    waiting, idle = await helper.open_stream(), await helper.open_stream()
    answer = asyncio.create_task(waiting.request(HANG, timeout_s=30))
    await asyncio.sleep(0)
    assert helper.pid is not None
    os.kill(helper.pid, signal.SIGKILL)
    async with asyncio.timeout(2):
        with pytest.raises(HelperDiedError, match="the test helper ended"):
            await answer
    with pytest.raises(HelperDiedError):
        await idle.send(ECHO)
    with await helper.open_stream() as stream:
        assert (await stream.request(ECHO, b"back", timeout_s=5)).payload == b"back"
    assert helper.starts == 2


async def test_a_child_that_exits_names_its_exit_code(helper: HelperProcess) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING")
    try:
        stream = await helper.open_stream()
        with pytest.raises(HelperDiedError):
            await stream.request(DIE, timeout_s=5)
        with await helper.open_stream() as again:
            await again.request(ECHO, timeout_s=5)
    finally:
        logger.remove(sink)
    assert any("it died with exit code 7" in line for line in lines)


@pytest.mark.parametrize("kind", [HANG, HOLD_LOCK], ids=["sleeping", "holding the interpreter"])
async def test_a_hanging_child_is_replaced(helper: HelperProcess, kind: int) -> None:
    first = helper.pid
    assert first is not None
    stream = await helper.open_stream()
    with pytest.raises(HelperTimeoutError):
        await stream.request(kind, timeout_s=0.2)
    with await helper.open_stream() as again:
        assert (await again.request(ECHO, b"new", timeout_s=5)).payload == b"new"
    await until_gone(first)


async def test_a_slow_request_fails_alone_while_the_child_serves_others(
    helper: HelperProcess,
) -> None:
    stream, other = await helper.open_stream(), await helper.open_stream()
    slow = asyncio.create_task(stream.receive(timeout_s=0.2))
    while not slow.done():
        await other.request(ECHO, b"busy", timeout_s=5)
    with pytest.raises(HelperTimeoutError):
        await slow
    assert (await other.request(ECHO, b"on", timeout_s=5)).payload == b"on"
    assert helper.starts == 1
    other.close()


@pytest.mark.parametrize("kind", [GARBAGE, STRANGER], ids=["no message", "no such stream"])
async def test_garbage_ends_the_child_and_names_itself(helper: HelperProcess, kind: int) -> None:
    stream = await helper.open_stream()
    with pytest.raises(HelperDiedError, match="garbage"):
        await stream.request(kind, timeout_s=5)
    with await helper.open_stream() as again:
        assert (await again.request(ECHO, b"new", timeout_s=5)).payload == b"new"


async def test_what_the_child_prints_is_in_our_log_line_by_line(helper: HelperProcess) -> None:
    lines: list[str] = []
    seen = asyncio.Event()

    def take(line: str) -> None:
        lines.append(line)
        if "after the long line" in line:
            seen.set()

    sink = logger.add(take, level="WARNING", format="{message}")
    try:
        with await helper.open_stream() as stream:
            await stream.request(PRINT, timeout_s=5)
            async with asyncio.timeout(5):
                await seen.wait()
    finally:
        logger.remove(sink)
    assert "test helper: on standard output\n" in lines
    assert "test helper: after the long line\n" in lines
    assert max(len(line) for line in lines) < 10_000


async def test_a_refused_request_says_why_and_the_stream_goes_on(helper: HelperProcess) -> None:
    with await helper.open_stream() as stream:
        with pytest.raises(HelperRequestError, match="no such voice"):
            await stream.request(REFUSE, timeout_s=5)
        assert (await stream.request(ECHO, b"on", timeout_s=5)).payload == b"on"


async def test_a_stream_that_nobody_reads_is_bounded(helper: HelperProcess) -> None:
    with await helper.open_stream() as stream, await helper.open_stream() as other:
        await stream.send(FLOOD)
        await other.request(ECHO, timeout_s=5)
        with pytest.raises(HelperOverflowError):
            await stream.receive(timeout_s=5)
        assert (await other.request(ECHO, b"on", timeout_s=5)).payload == b"on"


async def test_closing_a_stream_stops_its_work_in_the_child(helper: HelperProcess) -> None:
    working = await helper.open_stream()
    await working.request(WATCH, timeout_s=5)
    working.close()
    with await helper.open_stream() as other:
        seen = await other.request(SEEN, timeout_s=5)
    assert seen.payload == b"[1]"
    with pytest.raises(HelperStreamClosedError):
        await working.receive(timeout_s=1)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("cannot-work", "the engine is not installed"),
        ("crash", "it died with exit code 1"),
        ("never-ready", "not ready within 0.5 s"),
    ],
)
async def test_a_helper_that_cannot_start_says_why_and_leaves_nothing(
    word: str, reason: str
) -> None:
    policy = RestartPolicy(ready_timeout_s=0.5 if word == "never-ready" else 5)
    helper = HelperProcess("test", command(word), restart=policy)
    tasks = len(asyncio.all_tasks())
    with pytest.raises(HelperUnavailableError, match=reason):
        await helper.start()
    assert helper.pid is None
    assert len(asyncio.all_tasks()) == tasks
    await helper.close()


async def test_a_command_that_does_not_exist_is_named() -> None:
    helper = HelperProcess("test", ["/no/such/python"])
    with pytest.raises(HelperUnavailableError, match="/no/such/python"):
        await helper.start()


async def test_who_asks_a_helper_that_does_not_come_back_is_told_in_time(tmp_path: Path) -> None:
    helper = HelperProcess("test", command(f"once={tmp_path / 'started'}"), restart=QUICK)
    await helper.start()
    stream = await helper.open_stream()
    with pytest.raises(HelperDiedError):
        await stream.request(DIE, timeout_s=5)
    with pytest.raises(HelperUnavailableError, match="it worked only once"):
        await helper.open_stream(timeout_s=3)
    assert helper.starts >= 3
    await helper.close()


async def test_closing_fails_open_streams_and_leaves_neither_task_nor_process() -> None:
    tasks = asyncio.all_tasks()
    helper = HelperProcess("test", command(), restart=QUICK)
    await helper.start()
    pid = helper.pid
    assert pid is not None
    stream = await helper.open_stream()
    answer = asyncio.create_task(stream.request(HANG, timeout_s=30))
    await asyncio.sleep(0)
    await helper.close()
    with pytest.raises(HelperDiedError, match="stopped"):
        await answer
    with pytest.raises(HelperUnavailableError):
        await helper.open_stream()
    assert not exists(pid)
    assert asyncio.all_tasks() == tasks


async def test_a_child_that_reads_nothing_any_more_is_replaced(
    helper: HelperProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_connection, "_WRITE_TIMEOUT_S", 0.3)
    stream = await helper.open_stream()
    await stream.send(HANG)

    async def send_much() -> None:
        for _ in range(1000):
            await stream.send(ECHO, bytes(65536))

    with pytest.raises(HelperDiedError, match="it read nothing"):
        await send_much()
    with await helper.open_stream() as again:
        assert (await again.request(ECHO, b"new", timeout_s=5)).payload == b"new"


@pytest.mark.parametrize(
    ("kind", "backlog"),
    [(ECHO, 0), (HANG, 0), (HANG, 5_000_000)],
    ids=["idle child", "busy child", "busy child with a full inbox"],
)
async def test_the_child_ends_when_its_parent_is_killed(kind: int, backlog: int) -> None:
    parent_code = f"""
import asyncio, sys
from voice_agent.services.embedded.helper_process import HelperProcess
async def main():
    helper = HelperProcess("test", {command()!r})
    await helper.start()
    stream = await helper.open_stream()
    await stream.send({kind})
    print(helper.pid, flush=True)
    await stream.send({ECHO}, bytes({backlog} // 2))
    await stream.send({ECHO}, bytes({backlog} // 2))
    await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent_code, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(10):
        child = int(await parent.stdout.readline())
    assert exists(child)
    parent.kill()
    await parent.wait()
    await until_gone(child)


async def test_a_helper_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    helper = HelperProcess("test", command(), restart=QUICK)
    await helper.start()
    with await helper.open_stream() as stream:
        environment = (await stream.request(ENVIRONMENT, timeout_s=5)).payload
    await helper.close()
    assert b"PATH" in environment
    assert b"sk-secret" not in environment


def test_a_helper_works_on_uvloop_too() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def converse() -> None:
        helper = HelperProcess("test", command(), restart=QUICK)
        await helper.start()
        with await helper.open_stream() as stream:
            payload = os.urandom(300_000)
            assert (await stream.request(ECHO, payload, timeout_s=5)).payload == payload
            with pytest.raises(HelperDiedError):
                await stream.request(DIE, timeout_s=5)
        with await helper.open_stream() as stream:
            await stream.request(ECHO, timeout_s=5)
        await helper.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(converse())
