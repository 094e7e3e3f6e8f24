"""One or two servers behind HAProxy, for tests of what reaches which."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.balanced import Place, Taken, check_all_came, haproxy, offer_of_a_caller, trickle
from tests.databases import new_database
from tests.few_words import agents_in
from tests.programs import free_port
from voice_agent.core.process_ids import process_of
from voice_agent.testing.running_server import RunningServer, serving

PATIENCE_S = 30.0
PEERS = 8
STEP_S = 0.02
LINK = re.compile(r"make the first administrator: \S+/#setup=(\S+)")
ANN = {"email": "ann@example.com", "name": "Ann", "password": "correct horse battery"}


@dataclass
class Balanced:
    """Servers, the address of HAProxy in front of them, and what their peers have taken.

    `url` is that of one which takes each server for the other, where there are two, `straight_url`
    of one which knows them.
    """

    url: str
    straight_url: str
    servers: list[RunningServer]
    taken: Taken
    credential: str = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """What shows who asks."""
        return {"Authorization": f"Bearer {self.credential}"} if self.credential else {}


def prepared(folder: Path) -> Taken:
    agents_in(folder)
    return Taken(folder)


@contextmanager
def one_server(folder: Path) -> Iterator[Balanced]:
    """Run one server of two processes."""
    taken = prepared(folder)
    environment = {"VOICE_AGENT_AGENTS_DIR": str(folder / "agents"), **taken.environment}
    with (
        serving(folder, "--workers", "2", environment=environment) as server,
        haproxy(server.port, server.port) as url,
    ):
        yield Balanced(url, url, [server], taken)


@contextmanager
def two_servers(folder: Path, postgresql_server: str, redis_url: str) -> Iterator[Balanced]:
    """Run two servers, one of two processes, that share what they keep and ask who one is."""
    taken = prepared(folder)
    with ExitStack() as stack:
        database = stack.enter_context(new_database(postgresql_server))
        shared = {
            "VOICE_AGENT_AGENTS_DIR": str(folder / "agents"),
            "VOICE_AGENT_DATABASE_URL": database,
            "VOICE_AGENT_REDIS_URL": redis_url,
            "VOICE_AGENT_SECRET_KEY": "k" * 40,
            "VOICE_AGENT_AUTH": "required",
            **taken.environment,
        }
        servers = []
        for name, workers in (("a", "2"), ("b", "1")):
            port = free_port()
            (folder / name).mkdir()
            own = {
                "VOICE_AGENT_SERVER_NAME": name,
                "VOICE_AGENT_INTERNAL_URL": f"http://127.0.0.1:{port}",
            }
            options = ("--port", str(port), "--workers", workers)
            manager = serving(folder / name, *options, environment=shared | own)
            servers.append(stack.enter_context(manager))
        a, b = (server.port for server in servers)
        crossed, straight = (stack.enter_context(haproxy(*each)) for each in ((b, a), (a, b)))
        yield Balanced(crossed, straight, servers, taken)


async def admitted(balanced: Balanced, http: aiohttp.ClientSession) -> Balanced:
    """Return it with a credential: there is an administrator afterwards."""
    if balanced.credential:
        return balanced
    server = balanced.servers[0]
    found = LINK.search(server.log)
    assert found is not None, server.log
    setup = f"{server.url}/v1/auth/setup"
    async with http.post(setup, json={**ANN, "token": found[1]}) as response:
        assert response.status == 201, await response.text()
    sign_in = {name: ANN[name] for name in ("email", "password")}
    async with http.post(f"{balanced.url}/v1/auth/sign-in", json=sign_in) as response:
        balanced.credential = (await response.json())["access_token"]
    return balanced


async def start(balanced: Balanced, http: aiohttp.ClientSession) -> dict[str, Any]:
    """Return the invitation to a new session."""
    address = f"{balanced.url}/v1/sessions"
    async with http.post(address, headers=balanced.headers) as response:
        assert response.status == 201, await response.text()
        invitation: dict[str, Any] = await response.json()
        return invitation


async def deliver(
    balanced: Balanced, http: aiohttp.ClientSession, each: int, *, at_once: int, hops: int
) -> None:
    """Trickle `each` candidates to several peers, of our clients and of Pipecat's.

    Every peer has taken its own, and each request was seen by as many servers as there are `hops`.
    """
    before = seen(balanced)
    balanced.taken.clear()
    invitations = [await start(balanced, http) for _ in range(PEERS)]
    places = [
        Place(f"{balanced.url}/sessions/{invited['token']}/api/offer", {})
        if index % 2
        else Place(
            f"{balanced.url}/v1/sessions/{invited['session_id']}/offer",
            {"Authorization": f"Bearer {invited['token']}"},
        )
        for index, invited in enumerate(invitations)
    ]
    callers = [await offer_of_a_caller() for _ in places]
    try:
        offers = [sdp for _, sdp in callers]
        answers = await trickle(http, places, offers, each, at_once=at_once)
        check_all_came(balanced.taken, PEERS, each)
        assert len({process_of(answer["pc_id"]) for answer in answers}) > 1
        for invited in invitations:
            address = f"{balanced.url}/v1/sessions/{invited['session_id']}"
            async with http.delete(address, headers=balanced.headers) as response:
                assert response.status == 204, await response.text()
    finally:
        await asyncio.gather(*(peer.close() for peer, _ in callers))
    expected = PEERS * -(-each // at_once) * hops
    async with asyncio.timeout(PATIENCE_S):
        while seen(balanced) - before < expected:  # noqa: ASYNC110 - a thread reads the log
            await asyncio.sleep(STEP_S)
    assert seen(balanced) - before == expected


def seen(balanced: Balanced) -> int:
    """Return how many requests with candidates the servers have logged."""
    return sum(line.count(" PATCH ") for server in balanced.servers for line in server.lines)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """One server of two processes."""
    with one_server(tmp_path_factory.mktemp("one")) as balanced:
        yield balanced


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: str, _shared_redis: str
) -> Iterator[Balanced]:
    """Two servers that share what they keep."""
    folder = tmp_path_factory.mktemp("two")
    with two_servers(folder, postgresql_server, _shared_redis) as balanced:
        yield balanced
