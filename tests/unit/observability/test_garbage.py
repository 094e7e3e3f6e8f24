import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from voice_agent.core.events import Event, EventPayload, LegEnded, LegStarted
from voice_agent.observability.garbage import DELAY_S, ENOUGH_LEGS, GarbageCollection

pytestmark = pytest.mark.virtual_time


class Knot:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collection() -> Iterator[GarbageCollection]:
    collection = GarbageCollection()
    gc.disable()
    try:
        yield collection
    finally:
        gc.enable()
        collection.close()


def tell(collection: GarbageCollection, payload: EventPayload) -> None:
    collection(Event("s", 1, 0.0, 0.0, payload))


def start(collection: GarbageCollection) -> None:
    tell(collection, LegStarted("l", "websocket"))


def end(collection: GarbageCollection) -> None:
    tell(collection, LegEnded("l", "client_left"))


async def test_what_the_last_leg_leaves_in_circles_is_freed_soon(
    collection: GarbageCollection,
) -> None:
    left = weakref.ref(Knot())
    start(collection)
    await asyncio.sleep(DELAY_S * 2)
    assert left() is not None
    end(collection)
    await asyncio.sleep(DELAY_S * 2)
    assert left() is None


async def test_while_others_talk_it_waits_for_enough_of_it(collection: GarbageCollection) -> None:
    left = weakref.ref(Knot())
    start(collection)
    for _ in range(ENOUGH_LEGS - 1):
        start(collection)
        end(collection)
    await asyncio.sleep(DELAY_S * 2)
    assert left() is not None
    start(collection)
    end(collection)
    await asyncio.sleep(DELAY_S * 2)
    assert left() is None


async def test_a_leg_that_begins_meanwhile_is_not_held_up(collection: GarbageCollection) -> None:
    left = weakref.ref(Knot())
    start(collection)
    end(collection)
    await asyncio.sleep(DELAY_S / 2)
    start(collection)
    await asyncio.sleep(DELAY_S)
    assert left() is not None
    end(collection)
    await asyncio.sleep(DELAY_S * 2)
    assert left() is None


async def test_python_collects_as_before_once_it_is_closed() -> None:
    before = gc.get_threshold()
    collection = GarbageCollection()
    try:
        collection.freeze()
        assert gc.get_threshold()[2] > before[2]
    finally:
        collection.close()
        gc.unfreeze()
    assert gc.get_threshold() == before
