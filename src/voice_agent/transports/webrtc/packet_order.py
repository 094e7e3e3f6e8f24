"""Puts RTP packets that arrived in the wrong order into the right one. Pure."""

from typing import Generic, Protocol, TypeVar

MAX_HELD = 4
"""How many packets may wait for one that is missing: 80 ms. What comes later than that is lost."""
MAX_MISORDER = 100
"""A number that is further behind than this is no late packet but a new beginning, as in aiortc."""
_MODULUS = 1 << 16


class Numbered(Protocol):
    """What RTP packets have: a number that counts up by one a packet, modulo 2**16."""

    sequence_number: int


PacketT = TypeVar("PacketT", bound=Numbered)


class PacketOrder(Generic[PacketT]):
    """The packets of one stream."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, PacketT] = {}

    def add(self, packet: PacketT) -> list[PacketT]:
        """Take what arrived, and return what is due now, in order; late and repeated is dropped."""
        number = packet.sequence_number
        if self._next is None or MAX_MISORDER <= self._behind(number) < _MODULUS // 2:
            self._next = number
            self._held.clear()
        elif 0 < self._behind(number) < MAX_MISORDER:
            return []
        self._held[number] = packet
        if len(self._held) > MAX_HELD and self._next not in self._held:
            self._next = min(self._held, key=lambda held: -self._behind(held) % _MODULUS)
        due: list[PacketT] = []
        while (following := self._held.pop(self._next, None)) is not None:
            due.append(following)
            self._next = (self._next + 1) % _MODULUS
        return due

    def _behind(self, number: int) -> int:
        assert self._next is not None
        return (self._next - number) % _MODULUS
