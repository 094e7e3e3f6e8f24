"""What aioice's clients of TURN servers lack. Knows it inside, which `known_aioice.py` guards.

They do not notice that nobody listens there, or that a connection was closed: they ask on, for half
a minute. And who gives a relay up waits a minute for a server that has gone to say so.
"""

import asyncio
from typing import Any, Final

from aioice import stun, turn

from voice_agent.transports.webrtc.ice_route import TurnServer
from voice_agent.transports.webrtc.known_aioice import ANSWER, CLOSING

ALLOCATE_S = 4.0
"""How long a TURN server may take to give a relay: time for a lost packet, or for a far server."""
FAREWELL_S = 2.0
"""How long it may take to confirm that a relay is given up."""


class _AnyClient:
    """What aioice's clients of TURN servers do not do: notice that nobody is there."""

    receiver: asyncio.DatagramProtocol | None
    transactions: dict[bytes, stun.Transaction]

    def _fail(self, error: Exception) -> None:
        """Let go whoever waits for an answer."""
        for transaction in self.transactions.values():
            answer: asyncio.Future[Any] = getattr(transaction, ANSWER)
            if not answer.done():
                answer.set_exception(error)


class _UdpClient(_AnyClient, turn.TurnClientUdpProtocol):
    """Over UDP; before there is a relay, a port where nobody listens is the end."""

    def error_received(self, exc: Exception) -> None:
        """Note that the network sent something back."""
        if self.receiver is None:
            self._fail(exc)


class _TcpClient(_AnyClient, turn.TurnClientTcpProtocol):
    """Over TCP, where a connection that is closed answers nothing more."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the connection."""
        super().connection_lost(exc)
        self._fail(exc or ConnectionResetError("it hung up"))

    def _send(self, data: bytes) -> None:
        # A further try may be due when the connection has just been lost.
        if not self.transport.is_closing():
            super()._send(data)


_CLIENTS: Final = {"TurnClientUdpProtocol": _UdpClient, "TurnClientTcpProtocol": _TcpClient}


def use_clients() -> None:
    """Let aioice use the clients of TURN servers that are here."""
    for name, client in _CLIENTS.items():
        setattr(turn, name, client)


async def allocate(server: TurnServer) -> tuple[str, int]:
    """Get a relay from a TURN server, give it up again, and return its address.

    Raises:
        Exception: It gave none; `relays.fault_of` says why.
    """
    use_clients()
    async with asyncio.timeout(ALLOCATE_S):
        transport, _ = await turn.create_turn_endpoint(
            asyncio.DatagramProtocol,
            server_addr=(server.url.host, server.url.port),
            username=server.username,
            password=server.credential,
            ssl=server.url.over_tls,
            transport=transport_to(server),
        )
    address: tuple[str, int] = transport.get_extra_info("sockname")
    await give_up(transport)
    return address


def transport_to(server: TurnServer) -> str:
    """Return what aioice calls the way to a TURN server."""
    return "tcp" if server.url.over_tcp else "udp"


async def give_up(transport: Any) -> None:
    """Give up what a `TurnTransport` relays, whether or not the TURN server confirms it."""
    transport.close()
    closing = getattr(transport, CLOSING)
    done, _ = await asyncio.wait({closing}, timeout=FAREWELL_S)
    if not done:
        # aioice closes the socket then; the server forgets the relay when it was not renewed.
        closing.cancel()
