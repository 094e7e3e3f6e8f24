"""Whether audio came in time to be played without a gap. Pure."""

from typing import Final

PLAYER_BUFFER_S: Final = 0.06
"""How long a player waits after the first packet of an answer before it plays it, in seconds: what
a browser's jitter buffer holds at its least on a quiet network, three packets."""


class PlayOut:
    """The player of one answer: it starts with the first packet, and waits for what comes late.

    Attributes:
        packets: How many arrived.
        late: How many of them arrived after the time at which they had to be played.
        received_s: Up to which position the answer has arrived, in seconds.
    """

    def __init__(self, first_at: float, buffer_s: float = PLAYER_BUFFER_S) -> None:
        self._reference = first_at + buffer_s
        self.packets = 0
        self.late = 0
        self.received_s = 0.0

    def arrived(self, at: float, position_s: float, length_s: float) -> bool:
        """Take a packet that holds `length_s` seconds from `position_s` in the answer.

        Returns:
            Whether it was late. A player that ran dry goes on when the late packet is there, so
            all that follows is played later by as much.
        """
        overdue = at - (self._reference + position_s)
        self.packets += 1
        self.received_s = max(self.received_s, position_s + length_s)
        if overdue <= 0:
            return False
        self.late += 1
        self._reference += overdue
        return True

    def missing(self, expected_s: float, packet_s: float, tolerance_s: float = 0.1) -> int:
        """Return how many packets of an answer of `expected_s` seconds never came."""
        gap_s = expected_s - self.received_s
        return round(gap_s / packet_s) if gap_s > tolerance_s else 0
