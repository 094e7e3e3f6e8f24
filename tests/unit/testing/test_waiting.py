import asyncio

import pytest

from voice_agent.testing.waiting import Changes

pytestmark = pytest.mark.virtual_time


async def test_it_looks_whenever_something_happened() -> None:
    seen: list[int] = []
    changes = Changes(lambda: "nothing")
    waiting = asyncio.create_task(changes.until(lambda: len(seen) == 3, "three"))
    for number in range(3):
        await asyncio.sleep(1)
        assert not waiting.done()
        seen.append(number)
        changes.note()
    await waiting


async def test_several_may_wait_for_different_things() -> None:
    seen: list[str] = []
    changes = Changes(lambda: "nothing")
    first = asyncio.create_task(changes.until(lambda: "a" in seen, "a"))
    second = asyncio.create_task(changes.until(lambda: "b" in seen, "b"))
    await asyncio.sleep(0)
    seen.append("b")
    changes.note()
    await second
    assert not first.done()
    seen.append("a")
    changes.note()
    await first


async def test_what_holds_already_is_not_waited_for() -> None:
    await Changes(lambda: "nothing").until(lambda: True, "it", within_s=0.1)


async def test_patience_ends_with_what_was_waited_for_and_what_happened() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    changes = Changes(lambda: "the agent said 'Hm.'")
    with pytest.raises(AssertionError, match=r"waited 5 s for an answer; the agent said 'Hm\.'"):
        await changes.until(lambda: False, "an answer", within_s=5)
    assert loop.time() - began == pytest.approx(5)
