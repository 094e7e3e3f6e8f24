from dataclasses import dataclass

import pytest

from voice_agent.transports.webrtc.packet_order import MAX_HELD, PacketOrder


@dataclass
class Packet:
    sequence_number: int


def passed(*numbers: int) -> list[list[int]]:
    """Return which packets were due after each arrival."""
    order: PacketOrder[Packet] = PacketOrder()
    return [[due.sequence_number for due in order.add(Packet(number))] for number in numbers]


def test_packets_in_order_pass_at_once() -> None:
    assert passed(7, 8, 9) == [[7], [8], [9]]


def test_a_packet_that_is_missing_is_waited_for() -> None:
    assert passed(0, 2, 3, 1, 4) == [[0], [], [], [1, 2, 3], [4]]


def test_one_that_does_not_come_is_given_up_when_more_wait_than_may() -> None:
    later = list(range(2, 2 + MAX_HELD + 1))
    assert passed(0, *later) == [[0], *([[]] * MAX_HELD), later]


def test_what_comes_late_or_twice_is_dropped() -> None:
    assert passed(0, 1, 1, 0, 2) == [[0], [1], [], [], [2]]


def test_numbers_wrap_round() -> None:
    assert passed(65534, 0, 65535, 1) == [[65534], [], [65535, 0], [1]]


@pytest.mark.parametrize("start", [100, 40_000])
def test_a_stream_that_begins_anew_is_followed(start: int) -> None:
    assert passed(5000, 5001, start, start + 1)[:2] == [[5000], [5001]]
    begun = [start + count for count in range(MAX_HELD + 2)]
    due = [number for numbers in passed(5000, 5001, *begun)[2:] for number in numbers]
    assert due == begun


def test_little_is_held_whatever_comes() -> None:
    order: PacketOrder[Packet] = PacketOrder()
    for number in range(0, 60_000, 7):
        order.add(Packet(number))
    assert len(order._held) <= MAX_HELD + 1
