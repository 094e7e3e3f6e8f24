import asyncio
from collections.abc import Callable, Sequence

import pytest

from tests.ways import Way
from voice_agent.client.errors import CallError, CallRefusedError, ServerUnreachableError
from voice_agent.client.media import Media
from voice_agent.client.race import HEAD_START_S, Race
from voice_agent.client.signalling import TransportName

pytestmark = pytest.mark.virtual_time


class Entrant(Way):
    """A medium that connects, or fails, after a while; None: never."""

    async def connect(self) -> None:
        await self()


def webrtc(after_s: float | None, error: Exception | None = None) -> Entrant:
    return Entrant(TransportName.WEBRTC, after_s, error)


def websocket(after_s: float | None, error: Exception | None = None) -> Entrant:
    return Entrant(TransportName.WEBSOCKET, after_s, error)


def race(
    entrants: Sequence[Entrant],
    let_go: list[Entrant],
    is_final: Callable[[CallError], bool] = lambda _: False,
) -> Race:
    def entering(entrant: Entrant) -> Callable[[], Media]:
        return lambda: entrant  # type: ignore[return-value]

    return Race([entering(each) for each in entrants], let_go.append, is_final=is_final)  # type: ignore[arg-type]


async def winner_of(entrants: Sequence[Entrant], let_go: list[Entrant]) -> object:
    return await race(entrants, let_go).run()


async def test_one_that_connects_in_time_has_no_rival() -> None:
    first, second = webrtc(HEAD_START_S - 0.1), websocket(0.1)
    let_go: list[Entrant] = []
    assert await winner_of([first, second], let_go) is first
    assert second.began_at is None
    assert not let_go


async def test_a_slow_one_is_overtaken_and_let_go() -> None:
    began = asyncio.get_running_loop().time()
    first, second = webrtc(None), websocket(0.1)
    let_go: list[Entrant] = []
    assert await winner_of([first, second], let_go) is second
    assert second.began_at == pytest.approx(began + HEAD_START_S, abs=0.1)
    assert first.was_cancelled
    assert let_go == [first]


async def test_a_slow_one_may_still_win() -> None:
    first, second = webrtc(HEAD_START_S + 0.5), websocket(1.0)
    let_go: list[Entrant] = []
    assert await winner_of([first, second], let_go) is first
    assert let_go == [second]


async def test_the_next_begins_at_once_when_one_has_failed() -> None:
    began = asyncio.get_running_loop().time()
    first, second = webrtc(0.2, ServerUnreachableError("cut")), websocket(0.1)
    let_go: list[Entrant] = []
    running = race([first, second], let_go)
    winner: object = await running.run()
    assert winner is second
    assert second.began_at == pytest.approx(began + 0.2, abs=0.1)
    assert [(name, str(error)) for name, error in running.failures] == [("webrtc", "cut")]
    assert let_go == [first]


async def test_when_all_fail_the_reasons_of_all_are_told() -> None:
    entrants = [
        webrtc(3, ServerUnreachableError("no UDP")),
        websocket(0.1, CallRefusedError("busy")),
    ]
    let_go: list[Entrant] = []
    with pytest.raises(ServerUnreachableError, match=r"webrtc: no UDP") as caught:
        await race(entrants, let_go).run()
    assert "websocket: busy" in str(caught.value)
    assert set(let_go) == set(entrants)


async def test_the_only_one_fails_in_its_own_words() -> None:
    with pytest.raises(CallRefusedError, match=r"^busy$"):
        await race([websocket(0.1, CallRefusedError("busy"))], []).run()


async def test_a_final_refusal_ends_the_race() -> None:
    over, other = websocket(0.1, CallRefusedError("over", 404)), webrtc(None)
    let_go: list[Entrant] = []
    with pytest.raises(CallRefusedError, match="over"):
        await race([other, over], let_go, lambda error: "over" in str(error)).run()
    assert let_go == [over, other]
    assert other.was_cancelled


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    first, second = webrtc(None), websocket(None)
    let_go: list[Entrant] = []
    running = asyncio.create_task(race([first, second], let_go).run())
    await asyncio.sleep(HEAD_START_S + 0.5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert first.was_cancelled
    assert second.was_cancelled
    assert set(let_go) == {first, second}
