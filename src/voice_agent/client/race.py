"""Several ways to connect, begun one after the other: the first to connect carries the call."""

from collections.abc import Callable, Sequence
from functools import partial

from voice_agent.client.errors import CallError, CallRefusedError, ServerUnreachableError
from voice_agent.client.media import Media
from voice_agent.client.signalling import TransportName
from voice_agent.core.staggered_race import staggered_race

HEAD_START_S = 1.5
"""How long a transport has to connect before the next one is tried beside it."""


class Race:
    """Connects once, over one of several media.

    Args:
        entrants: What makes each medium, in the order in which they are to begin.
        let_go: Takes each medium that is not wanted, and frees it.
        is_final: Whether an error of one shows that the others would fail as well.
        head_start_s: How long each may take before the next begins, in seconds.

    Attributes:
        failures: The transports that failed, with the reason.
    """

    def __init__(
        self,
        entrants: Sequence[Callable[[], Media]],
        let_go: Callable[[Media], None],
        *,
        is_final: Callable[[CallError], bool] = lambda _: False,
        head_start_s: float = HEAD_START_S,
    ) -> None:
        self._entrants = entrants
        self._let_go = let_go
        self._is_final = is_final
        self._head_start_s = head_start_s
        self._made: dict[int, Media] = {}
        self.failures: list[tuple[TransportName, CallError]] = []

    async def run(self) -> Media:
        """Returns the first medium that is connected; nothing of the others runs any more.

        Raises:
            CallRefusedError: The server said no.
            ServerUnreachableError: None gets through.
        """
        starts = [partial(self._connect, place) for place in range(len(self._entrants))]
        winner = None
        try:
            winner = await staggered_race(starts, self._head_start_s, self._failed)
        finally:
            for media in self._made.values():
                if media is not winner:
                    self._let_go(media)
        if winner is None:
            raise none_got_through(self.failures)
        return winner

    async def _connect(self, place: int) -> Media:
        media = self._made[place] = self._entrants[place]()
        await media.connect()
        return media

    def _failed(self, place: int, error: BaseException) -> None:
        media = self._made.pop(place, None)
        if media is None:
            raise error
        self._let_go(media)
        if not isinstance(error, CallRefusedError | ServerUnreachableError):
            raise error
        if self._is_final(error):
            raise error
        self.failures.append((media.name, error))


def none_got_through(failures: Sequence[tuple[TransportName, CallError]]) -> CallError:
    """Returns the error of the only transport that was tried, or one with the reasons of all."""
    if len(failures) == 1:
        return failures[0][1]
    reasons = "; ".join(f"{name}: {error}" for name, error in failures)
    return ServerUnreachableError(f"no transport got through: {reasons}")
