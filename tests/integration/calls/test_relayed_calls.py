"""Real calls whose audio goes through a real TURN server, and nowhere else."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.turn_servers import SECRET, TurnProcess
from voice_agent.client import Call, Speech, TransportName, ask, greeting
from voice_agent.testing.running_server import RunningServer, serving

PATIENCE_S = 30.0
pytestmark = pytest.mark.real_time  # speech in real time, in and out; so both ways at once


@pytest.fixture
def relaying(
    mortal_turn_server: TurnProcess, agents: Path, tmp_path: Path
) -> Iterator[Mapping[str, RunningServer]]:
    """Servers that relay only, by how they and their callers reach the TURN server."""
    with ExitStack() as stack, ThreadPoolExecutor() as threads:

        def start(transport: str) -> RunningServer:
            folder = tmp_path / transport
            folder.mkdir()
            chosen = {"ICE_TRANSPORT_POLICY": "relay", "AGENTS_DIR": str(agents)}
            environment = mortal_turn_server.environment(transport, **chosen)
            return stack.enter_context(serving(folder, environment=environment))

        transports = ("udp", "tcp")
        yield dict(zip(transports, threads.map(start, transports), strict=True))


async def test_questions_are_answered_through_the_relay_and_without_it_over_websocket(
    relaying: Mapping[str, RunningServer], mortal_turn_server: TurnProcess, saturday: Speech
) -> None:
    await asyncio.gather(
        *(_converse(server, mortal_turn_server, saturday) for server in relaying.values())
    )
    mortal_turn_server.kill()
    async with Call(relaying["tcp"].url, timeout_s=PATIENCE_S) as call:
        hello = await greeting(call, within_s=PATIENCE_S)
        assert call.transport is TransportName.WEBSOCKET, "what is left without a relay"
    assert hello is not None


async def _converse(server: RunningServer, turn_server: TurnProcess, saturday: Speech) -> None:
    async with Call(server.url, transport=TransportName.WEBRTC, timeout_s=PATIENCE_S) as call:
        hello = await greeting(call, within_s=PATIENCE_S)
        answered = await ask(call, saturday, PATIENCE_S)
        session_id = str(call.session_id)
    assert hello is not None
    assert "front desk" in hello.text
    assert "nine to six" in answered.text
    assert answered.ended_at - answered.first_audio_at > 1, "it could be heard, too"
    allocated = rf"user <(\d+:{re.escape(session_id)})>.*ALLOCATE.*success"
    users = re.findall(allocated, turn_server.log)
    assert len(set(users)) == 2, "ours and the caller's credentials end at different times"
    assert SECRET not in server.log
