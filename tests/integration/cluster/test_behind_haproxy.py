"""Servers behind HAProxy, with the configuration that we ship: every request finds its peer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from tests.balanced import accept, offer_of_a_caller
from tests.balanced_servers import (
    PATIENCE_S,
    Balanced,
    admitted,
    deliver,
    one,
    start,
    two,
)
from tests.resuming import come_back
from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.core.process_ids import process_of, server_of

__all__ = ["one", "two"]

pytestmark = pytest.mark.real_time

EACH, AT_ONCE = 125, 25
"""Of eight peers: 1,000 candidates."""


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield http


async def test_every_candidate_finds_its_peer_among_two_processes(
    one: Balanced, http: aiohttp.ClientSession
) -> None:
    await deliver(one, http, EACH, at_once=AT_ONCE, hops=1)


async def test_every_candidate_finds_its_peer_at_the_other_server(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    await deliver(await admitted(two, http), http, EACH, at_once=AT_ONCE, hops=2)


async def test_what_haproxy_brings_to_the_right_server_is_not_forwarded(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    straight = replace(await admitted(two, http), url=two.straight_url)
    await deliver(straight, http, EACH, at_once=AT_ONCE, hops=1)


@pytest.mark.parametrize("transport", list(TransportName))
async def test_a_call_goes_through_whichever_server_is_asked(
    two: Balanced, http: aiohttp.ClientSession, transport: TransportName
) -> None:
    await admitted(two, http)
    async with Call(two.url, key=two.credential, transport=transport, timeout_s=PATIENCE_S) as call:
        assert await greeting(call, within_s=PATIENCE_S) is not None
        assert "nine" in (await ask_in_writing(call, "When are you open?", PATIENCE_S)).text
        session = f"{two.url}/v1/sessions/{call.session_id}"
        events = await http.get(f"{session}/events", headers=two.headers)
        for _ in range(3):
            said = {"text": "Still here."}
            async with http.post(f"{session}/say", json=said, headers=two.headers) as response:
                assert response.status == 202, await response.text()
        async with http.delete(session, headers=two.headers) as response:
            assert response.status == 204
        followed = await events.text()
        assert followed.index("Still here.") < followed.rindex('"ended"')
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
    for server in two.servers:
        async with http.get(f"{server.url}/v1/sessions/p0-a.x", headers=forged) as response:
            assert response.status == 403
            assert (await response.json())["code"] == "forwarding_refused"
    headers = {**forged, **(await admitted(two, http)).headers}
    async with http.get(f"{two.url}/v1/sessions/p0-a.x", headers=headers) as response:
        assert response.status == 404, "HAProxy lets no such header through"


async def call_on(two: Balanced, server: str) -> Call:
    """Return a call over WebRTC that this server has, greeted."""
    while True:
        call = Call(
            two.straight_url,
            key=two.credential,
            transport=TransportName.WEBRTC,
            timeout_s=PATIENCE_S,
        )
        await call.connect()
        if server_of(process_of(str(call.session_id)) or "") == server:
            assert await greeting(call, within_s=PATIENCE_S) is not None
            return call
        await call.close()


async def test_when_a_server_is_killed_its_clients_come_back(
    two: Balanced, http: aiohttp.ClientSession
) -> None:
    """Runs last: it ends a server."""
    await admitted(two, http)
    lost = await call_on(two, "b")
    invitation = lost.invitation
    assert invitation is not None
    address = f"{two.url}/v1/sessions/{invitation.session_id}/offer"
    headers = {"Authorization": f"Bearer {invitation.token}"}
    peer, sdp = await offer_of_a_caller()
    try:
        offer = {"sdp": sdp, "type": "offer"}
        async with http.post(address, json=offer, headers=headers) as response:
            pc_id = (await response.json())["pc_id"]
        assert server_of(process_of(pc_id) or "") == "b"
        two.servers[1].kill()
        body = {"pc_id": pc_id, "candidates": []}
        async with http.patch(address, json=body, headers=headers) as response:
            problem = await response.json()
            assert (response.status, problem["code"]) == (503, "owner_unreachable"), problem
            assert int(response.headers["Retry-After"]) > 0
        back = await come_back(invitation, two.url, transport=TransportName.WEBRTC)
        assert "nine" in (await ask_in_writing(back, "When are you open?", PATIENCE_S)).text
        await back.close()
        async with asyncio.timeout(PATIENCE_S):
            status = 503
            while status == 503:
                async with http.patch(address, json=body, headers=headers) as response:
                    status, problem = response.status, await response.json()
        assert (status, problem["code"]) == (404, "peer_not_found"), problem
    finally:
        await peer.close()
        await lost.close()
