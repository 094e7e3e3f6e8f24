import asyncio
import gc
import weakref

import pytest

from voice_agent.core.conversation import Speaker
from voice_agent.core.events import Event, LegEnded, SpeakingStarted
from voice_agent.observability.garbage import DELAY_S, GarbageCollection


class Knot:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.virtual_time
async def test_what_a_leg_leaves_in_circles_is_freed_soon_after_its_end() -> None:
    collection = GarbageCollection()
    gc.disable()
    try:
        left = weakref.ref(Knot())
        collection(Event("s", 1, 0.0, 0.0, SpeakingStarted(Speaker.USER)))
        await asyncio.sleep(DELAY_S * 2)
        assert left() is not None
        collection(Event("s", 2, 0.0, 0.0, LegEnded("l", "client_left")))
        await asyncio.sleep(DELAY_S * 2)
        assert left() is None
    finally:
        gc.enable()
        collection.close()
