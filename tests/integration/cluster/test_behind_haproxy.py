"""Servers behind HAProxy, with the configuration that we ship: every request finds its peer."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.balanced import (
    Place,
    Taken,
    accept,
    check_all_came,
    haproxy,
    offer_of_a_caller,
    trickle,
)
from tests.databases import new_database
from tests.programs import free_port
from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.core.process_ids import process_of, server_of
from voice_agent.testing.running_server import RunningServer, serving

pytestmark = pytest.mark.real_time

PATIENCE_S = 30.0
PEERS, EACH, AT_ONCE = 8, 125, 25
LINK = re.compile(r"make the first administrator: \S+/#setup=(\S+)")
ANN = {"email": "ann@example.com", "name": "Ann", "password": "correct horse battery"}
AGENT = """\
id: frontdesk
name: Front desk
greeting: Hello.
knowledge:
  - questions: ["When are you open?"]
    answer: At nine.
"""


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
    (folder / "agents").mkdir()
    (folder / "agents" / "frontdesk.yaml").write_text(AGENT)
    return Taken(folder)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    """One server of two processes."""
    folder = tmp_path_factory.mktemp("one")
    taken = prepared(folder)
    environment = {"VOICE_AGENT_AGENTS_DIR": str(folder / "agents"), **taken.environment}
    with (
        serving(folder, "--workers", "2", environment=environment) as server,
        haproxy(server.port, server.port) as url,
    ):
        yield Balanced(url, url, [server], taken)


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: str, _shared_redis: str
) -> Iterator[Balanced]:
    """Two servers, one of them of two processes, that share what they keep and ask who one is."""
    folder = tmp_path_factory.mktemp("two")
    taken = prepared(folder)
    with ExitStack() as stack:
        database = stack.enter_context(new_database(postgresql_server))
        shared = {
            "VOICE_AGENT_AGENTS_DIR": str(folder / "agents"),
            "VOICE_AGENT_DATABASE_URL": database,
            "VOICE_AGENT_REDIS_URL": _shared_redis,
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


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield http


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


async def deliver(balanced: Balanced, http: aiohttp.ClientSession) -> int:
    """Trickle 1,000 candidates of several peers, of our clients and of Pipecat's.

    Returns:
        How many requests with candidates the servers have seen; each counts again where it was
        forwarded to.
    """
    before = seen(balanced)
    balanced.taken.clear()
    invitations = [await start(balanced, http) for _ in range(PEERS)]
    places = [
        Place(f"{balanced.url}/sessions/{each['token']}/api/offer", {})
        if index % 2
        else Place(
            f"{balanced.url}/v1/sessions/{each['session_id']}/offer",
            {"Authorization": f"Bearer {each['token']}"},
        )
        for index, each in enumerate(invitations)
    ]
    callers = [await offer_of_a_caller() for _ in places]
    try:
        offers = [sdp for _, sdp in callers]
        answers = await trickle(http, places, offers, EACH, at_once=AT_ONCE)
        check_all_came(balanced.taken, PEERS, EACH)
        assert len({process_of(answer["pc_id"]) for answer in answers}) > 1
        for each in invitations:
            address = f"{balanced.url}/v1/sessions/{each['session_id']}"
            async with http.delete(address, headers=balanced.headers) as response:
                assert response.status == 204, await response.text()
    finally:
        await asyncio.gather(*(peer.close() for peer, _ in callers))
    return seen(balanced) - before


def seen(balanced: Balanced) -> int:
    return sum(line.count(" PATCH ") for server in balanced.servers for line in server.lines)


async def test_every_candidate_finds_its_peer_among_two_processes(
    one: Balanced, http: aiohttp.ClientSession
) -> None:
    assert await deliver(one, http) == PEERS * EACH // AT_ONCE


async def test_every_candidate_finds_its_peer_at_the_other_server(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    assert await deliver(await admitted(two, http), http) == 2 * PEERS * EACH // AT_ONCE


async def test_what_haproxy_brings_to_the_right_server_is_not_forwarded(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    straight = replace(await admitted(two, http), url=two.straight_url)
    assert await deliver(straight, http) == PEERS * EACH // AT_ONCE


@pytest.mark.parametrize("transport", list(TransportName))
async def test_a_call_goes_through_whichever_server_is_asked(
    two: Balanced, http: aiohttp.ClientSession, transport: TransportName
) -> None:
    await admitted(two, http)
    async with Call(two.url, key=two.credential, transport=transport, timeout_s=PATIENCE_S) as call:
        assert await greeting(call, within_s=PATIENCE_S) is not None
        assert "nine" in (await ask_in_writing(call, "When are you open?", PATIENCE_S)).text
        session = f"{two.url}/v1/sessions/{call.session_id}"
        for _ in range(3):
            said = {"text": "Still here."}
            async with http.post(f"{session}/say", json=said, headers=two.headers) as response:
                assert response.status == 202, await response.text()
        async with http.delete(session, headers=two.headers) as response:
            assert response.status == 204
        state = ""
        async with asyncio.timeout(PATIENCE_S):
            while state != "ended":  # the archive is written every half second
                async with http.get(session, headers=two.headers) as response:
                    state = (await response.json())["state"]


async def test_a_peer_is_negotiated_anew_and_replaced_wherever_it_is(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    await admitted(two, http)
    address = f"{two.url}/sessions/{(await start(two, http))['token']}/api/offer"
    peer, sdp = await offer_of_a_caller()
    try:
        async with http.post(address, json={"sdp": sdp, "type": "offer"}) as response:
            first = await response.json()
        await accept(peer, first)
        for _ in range(3):
            await peer.setLocalDescription(await peer.createOffer())
            again = {"sdp": peer.localDescription.sdp, "type": "offer", "pc_id": first["pc_id"]}
            async with http.post(address, json=again) as response:
                renewed = await response.json()
            assert renewed["pc_id"] == first["pc_id"], renewed
            await accept(peer, renewed)
        for _ in range(2):
            anew = {"sdp": sdp, "type": "offer", "pc_id": first["pc_id"], "restart_pc": True}
            async with http.post(address, json=anew) as response:
                restarted = await response.json()
            assert process_of(restarted["pc_id"]) == process_of(first["pc_id"])
            assert restarted["pc_id"] != first["pc_id"]
    finally:
        await peer.close()


async def test_a_client_cannot_pretend_to_have_been_forwarded(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    forged = {"Voice-Agent-Forwarded": "WyJwMC1hIiwwXQ.forged"}
    async with http.get(f"{two.url}/v1/sessions/p0-a.x", headers=forged) as response:
        assert response.status == 403
        assert (await response.json())["code"] == "forwarding_refused"


async def test_when_a_server_is_killed_its_clients_come_back(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    """Runs last: it ends a server."""
    await admitted(two, http)
    lost = two.servers[1]
    while server_of(process_of((invited := await start(two, http))["session_id"]) or "") != "b":
        pass
    peer, sdp = await offer_of_a_caller()
    try:
        address = f"{two.url}/v1/sessions/{invited['session_id']}/offer"
        headers = {"Authorization": f"Bearer {invited['token']}"}
        offer = {"sdp": sdp, "type": "offer"}
        async with http.post(address, json=offer, headers=headers) as response:
            pc_id = (await response.json())["pc_id"]
        assert server_of(process_of(pc_id) or "") == "b"
        lost.kill()
        body = {"pc_id": pc_id, "candidates": []}
        async with http.patch(address, json=body, headers=headers) as response:
            problem = await response.json()
            assert (response.status, problem["code"]) == (503, "owner_unreachable"), problem
            assert int(response.headers["Retry-After"]) > 0
        async with http.post(address, json=offer, headers=headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
        assert server_of(process_of(answer["pc_id"]) or "") == "a"
        async with asyncio.timeout(PATIENCE_S):
            status = 503
            while status == 503:
                async with http.patch(address, json=body, headers=headers) as response:
                    status, problem = response.status, await response.json()
        assert (status, problem["code"]) == (404, "peer_not_found"), problem
    finally:
        await peer.close()
