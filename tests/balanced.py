"""Real servers behind a real HAProxy, and what their peer connections were really given."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription

from tests.programs import free_port, program, running

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "haproxy" / "haproxy.cfg"
CANDIDATES_FILE = "TEST_CANDIDATES_FILE"
_FIRST_PORT = 10_000
_WATCHED = "voice_agent.transports.webrtc.speaking_peer"
_SPY = f"""\
import importlib.abc, importlib.machinery, os, sys

class Spy(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != {_WATCHED!r}:
            return None
        sys.meta_path.remove(self)
        found = importlib.machinery.PathFinder.find_spec(name, path)
        execute = found.loader.exec_module
        def exec_module(module):
            execute(module)
            import aiortc
            add = aiortc.RTCPeerConnection.addIceCandidate
            async def spied(peer, candidate):
                await add(peer, candidate)
                line = f"{{candidate.ip}}:{{candidate.port}} {{os.getpid()}} {{id(peer)}}\\n"
                place = os.open(os.environ[{CANDIDATES_FILE!r}], os.O_APPEND | os.O_WRONLY)
                os.write(place, line.encode())
                os.close(place)
            aiortc.RTCPeerConnection.addIceCandidate = spied
        found.loader.exec_module = exec_module
        return found

if {CANDIDATES_FILE!r} in os.environ:
    sys.meta_path.insert(0, Spy())
"""
"""Tells a file of every candidate that a peer connection has taken, in whichever process."""


@contextmanager
def haproxy(*ports: int) -> Iterator[str]:
    """Run HAProxy with the configuration that we ship, in front of two ports; yield its address."""
    port = free_port()
    places = dict(zip("AB", ports, strict=True))
    environment = {
        **os.environ,
        "VOICE_AGENT_BIND": f"127.0.0.1:{port}",
        **{f"VOICE_AGENT_SERVER_{name}": f"127.0.0.1:{place}" for name, place in places.items()},
    }
    command = [program("haproxy"), "-db", "-f", str(CONFIGURATION)]
    with running(command, port, env=environment):
        yield f"http://127.0.0.1:{port}"


class Taken:
    """The candidates that peer connections of servers with `environment` have taken."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "candidates"
        self._file.touch()
        (folder / "spy").mkdir()
        (folder / "spy" / "sitecustomize.py").write_text(_SPY)
        self.environment: Mapping[str, str] = {
            "PYTHONPATH": str(folder / "spy"),
            CANDIDATES_FILE: str(self._file),
        }

    def by_peer(self) -> Mapping[str, Sequence[str]]:
        """Return what each peer connection has taken: addresses, in the order they came."""
        taken: dict[str, list[str]] = {}
        for line in self._file.read_text().splitlines():
            address, _, peer = line.partition(" ")
            taken.setdefault(peer, []).append(address)
        return taken

    def clear(self) -> None:
        """Forget them."""
        self._file.write_text("")


async def offer_of_a_caller() -> tuple[RTCPeerConnection, str]:
    """Return a peer that wants to talk, and its offer without candidates."""
    peer = RTCPeerConnection()
    peer.addTransceiver("audio")
    peer.createDataChannel("chat")
    await peer.setLocalDescription(await peer.createOffer())
    lines = peer.localDescription.sdp.splitlines()
    return peer, "".join(f"{line}\r\n" for line in lines if "candidate" not in line)


@dataclass(frozen=True)
class Place:
    """Where a client sends offers and candidates, and with what."""

    url: str
    headers: Mapping[str, str]


async def trickle(
    http: aiohttp.ClientSession,
    places: Sequence[Place],
    offers: Sequence[str],
    each: int,
    *,
    at_once: int,
) -> list[dict[str, Any]]:
    """Send an offer to each place, then `each` candidates, `at_once` in a request; mixed.

    Returns:
        The answers. All candidates of all peers are different.
    """

    async def send(method: str, place: Place, body: dict[str, Any]) -> Any:
        async with http.request(method, place.url, json=body, headers=place.headers) as response:
            assert response.status in (200, 204), await response.text()
            return await response.json() if response.status == 200 else None

    async def answer(place: Place, sdp: str) -> dict[str, Any]:
        document: dict[str, Any] = await send("POST", place, {"sdp": sdp, "type": "offer"})
        return document

    pairs = zip(places, offers, strict=True)
    answers = await asyncio.gather(*(answer(place, sdp) for place, sdp in pairs))
    for first in range(0, each, at_once):
        await asyncio.gather(
            *(
                send(
                    "PATCH",
                    place,
                    {
                        "pc_id": answers[index]["pc_id"],
                        "candidates": [
                            candidate(_FIRST_PORT + index * each + number)
                            for number in range(first, min(each, first + at_once))
                        ],
                    },
                )
                for index, place in enumerate(places)
            )
        )
    return answers


def candidate(port: int) -> dict[str, Any]:
    """Return a candidate that leads nowhere."""
    text = f"candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"
    return {"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0}


def check_all_came(taken: Taken, peers: int, each: int) -> None:
    """Each peer connection has taken all its own candidates, and none of another's."""
    by_peer = taken.by_peer()
    assert len(by_peer) == peers, Counter({peer: len(each) for peer, each in by_peer.items()})
    expected = {
        tuple(f"127.0.0.1:{_FIRST_PORT + index * each + number}" for number in range(each))
        for index in range(peers)
    }
    assert {tuple(sorted(addresses)) for addresses in by_peer.values()} == expected


async def accept(peer: RTCPeerConnection, answer: Mapping[str, Any]) -> None:
    """Let the caller take the answer."""
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
