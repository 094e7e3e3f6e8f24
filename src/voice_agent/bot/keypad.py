"""The keys of a telephone: what the caller presses becomes a turn of his."""

from pipecat.processors.aggregators.dtmf_aggregator import DTMFAggregator

PAUSE_S = 2.0
"""Seconds after the last key at which what was pressed is complete; `#` completes it at once."""


class Keypad(DTMFAggregator):
    """Stands before speech-to-text and gathers keys; the turn's text is the keys, as in "123#".

    The first key interrupts an agent that may be interrupted.
    """

    def __init__(self, *, interruptible: bool) -> None:
        super().__init__(timeout=PAUSE_S, prefix="", enable_direct_mode=True)
        self._interruptible = interruptible

    async def broadcast_interruption(self) -> None:
        """Interrupt the agent if that is allowed."""
        if self._interruptible:
            await super().broadcast_interruption()  # type: ignore[no-untyped-call]
