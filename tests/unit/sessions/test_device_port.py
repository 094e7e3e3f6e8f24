import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from voice_agent.core.agent import Agent
from voice_agent.sessions import device_port
from voice_agent.sessions.device_port import serve_device
from voice_agent.sessions.manager import NewSession, SessionPolicy
from voice_agent.testing.harness import ConversationHarness
from voice_agent.transports.base import Connection
from voice_agent.transports.websocket import device
from voice_agent.transports.websocket.device import DeviceConnection

AGENT = Agent(id="frontdesk", name="Front desk", greeting="Hello.")
PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_port, "PAUSE_S", 0.05)
    monkeypatch.setattr(device, "LISTEN_TIMEOUT_S", 1.5)


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that somebody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


@pytest_asyncio.fixture
async def harness() -> AsyncIterator[ConversationHarness]:
    policy = SessionPolicy(default_agent=AGENT.id, max_sessions=1)
    async with ConversationHarness(AGENT, policy=policy) as harness:
        yield harness


class Port:
    """The device's port, served until the test is over."""

    def __init__(self, harness: ConversationHarness) -> None:
        self._harness = harness
        self._serving: asyncio.Task[None] | None = None

    def serve(self, connect: Callable[[str], Connection]) -> None:
        self._serving = asyncio.create_task(serve_device(self._harness.sessions, connect))

    async def ended(self) -> None:
        assert self._serving is not None
        await asyncio.wait_for(self._serving, PATIENCE_S)

    async def close(self) -> None:
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)


@pytest_asyncio.fixture
async def port(harness: ConversationHarness) -> AsyncIterator[Port]:
    port = Port(harness)
    yield port
    await port.close()


def listening_on(number: int) -> Callable[[str], Connection]:
    return lambda session_id: DeviceConnection(
        "127.0.0.1", number, session_id=session_id, now=time.monotonic
    )


async def say_hello_to(number: int) -> None:
    """Connect as a device as soon as that can be, and wait for a sound."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with connect(f"ws://127.0.0.1:{number}") as websocket:
                    await websocket.recv()
                    return
            except (OSError, ConnectionClosed):
                await asyncio.sleep(0.05)


async def test_a_port_that_is_taken_is_tried_again_until_it_is_free(
    port: Port, taken: socket.socket, warnings: list[str]
) -> None:
    number = taken.getsockname()[1]
    port.serve(listening_on(number))
    async with asyncio.timeout(PATIENCE_S):
        while not any("did not open" in line for line in warnings):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    taken.close()
    await say_hello_to(number)


async def test_a_device_that_left_can_come_again(port: Port, taken: socket.socket) -> None:
    number = taken.getsockname()[1]
    taken.close()
    port.serve(listening_on(number))
    await say_hello_to(number)
    await say_hello_to(number)


async def test_a_fault_ends_one_session_and_not_the_service(
    port: Port, taken: socket.socket, warnings: list[str]
) -> None:
    number = taken.getsockname()[1]
    taken.close()
    faults = [ZeroDivisionError("a fault"), ZeroDivisionError("a fault")]

    def connect(session_id: str) -> Connection:
        if faults:
            raise faults.pop()
        return listening_on(number)(session_id)

    port.serve(connect)
    await say_hello_to(number)
    assert [line for line in warnings if "a fault" in line]


async def test_what_stays_refused_is_logged_once(
    port: Port, harness: ConversationHarness, warnings: list[str]
) -> None:
    await harness.sessions.create()
    tried = asyncio.Event()
    create, count = harness.sessions.create, 0

    async def counted(*, resumable: bool) -> NewSession:
        nonlocal count
        count += 1
        if count == 3:
            tried.set()
        return await create(resumable=resumable)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.sessions, "create", counted)
        port.serve(listening_on(1))
        await asyncio.wait_for(tried.wait(), PATIENCE_S)
        await port.close()
    assert len([line for line in warnings if "no session for the device" in line]) == 1


async def test_when_the_server_stops_it_ends_without_a_word(
    port: Port, harness: ConversationHarness, taken: socket.socket, warnings: list[str]
) -> None:
    number = taken.getsockname()[1]
    taken.close()
    port.serve(listening_on(number))
    await say_hello_to(number)
    await harness.sessions.close()
    await port.ended()
    assert warnings == []
