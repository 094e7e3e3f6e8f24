"""Windows of many calls in one run of the model, and what happens when something goes wrong."""

import asyncio
import gc
from typing import Any

import numpy as np
import pytest

from voice_agent.audio.silero import (
    MANY_CALLS,
    MOST_TOGETHER,
    STATE_SHAPE,
    WINDOW_BYTES,
    SileroEngine,
    VoiceMemory,
)

pytestmark = pytest.mark.virtual_time
WINDOW = bytes(WINDOW_BYTES)


class Model:
    """Stands in for the ONNX session: as sure as the first sample is loud."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.fault: Exception | None = None

    def run(self, _: None, inputs: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        if self.fault is not None:
            raise self.fault
        self.runs.append(len(inputs["input"]))
        return inputs["input"][:, 64:65], inputs["state"] + 1


def window(level: int) -> bytes:
    return np.full(WINDOW_BYTES // 2, level, np.int16).tobytes()


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def engine(model: Model) -> SileroEngine:
    session: Any = model
    return SileroEngine(session)


@pytest.fixture
def memories(engine: SileroEngine) -> list[VoiceMemory]:
    return [engine.open() for _ in range(MANY_CALLS)]


async def test_what_comes_within_a_moment_is_judged_together_and_each_gets_his_own(
    model: Model, engine: SileroEngine, memories: list[VoiceMemory]
) -> None:
    windows = [window(8192 * number) for number in range(MANY_CALLS)]
    found = await asyncio.gather(*map(engine.confidence, memories, windows))
    assert model.runs == [MANY_CALLS]
    assert found == [0.0, 0.25, 0.5, 0.75]
    assert all(memory.state.shape == STATE_SHAPE for memory in memories)
    assert all((memory.state == 1).all() for memory in memories)
    assert [memory.context[0] for memory in memories] == found


async def test_few_calls_do_not_wait(
    model: Model, engine: SileroEngine, memories: list[VoiceMemory]
) -> None:
    engine.close(memories[0])
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(engine.confidence(memory, WINDOW) for memory in memories[1:]))
    assert model.runs == [1, 1, 1]
    assert loop.time() == began


async def test_a_call_that_never_came_about_does_not_count(
    model: Model, engine: SileroEngine, memories: list[VoiceMemory]
) -> None:
    del memories[0]
    gc.collect()
    await asyncio.gather(*(engine.confidence(memory, WINDOW) for memory in memories))
    assert model.runs == [1, 1, 1]


async def test_no_more_than_so_many_are_made_to_wait(
    model: Model, engine: SileroEngine, memories: list[VoiceMemory]
) -> None:
    more = [*memories, *(engine.open() for _ in range(MOST_TOGETHER))]
    await asyncio.gather(*(engine.confidence(memory, WINDOW) for memory in more))
    assert model.runs == [MOST_TOGETHER, MANY_CALLS]


async def test_a_call_that_is_gone_meanwhile_is_left_out(
    model: Model, engine: SileroEngine, memories: list[VoiceMemory]
) -> None:
    leaving = asyncio.create_task(engine.confidence(memories[0], WINDOW))
    staying = asyncio.create_task(engine.confidence(memories[1], WINDOW))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 0.0
    assert model.runs == [1]
    gone = asyncio.create_task(engine.confidence(memories[2], WINDOW))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(1)
    assert model.runs == [1]


async def test_a_model_that_fails_tells_each_of_them_and_works_again(
    model: Model, engine: SileroEngine, memories: list[VoiceMemory]
) -> None:
    model.fault = RuntimeError("out of memory")
    found = await asyncio.gather(
        *(engine.confidence(memory, WINDOW) for memory in memories), return_exceptions=True
    )
    assert found == [model.fault] * MANY_CALLS
    model.fault = None
    assert await engine.confidence(memories[0], WINDOW) == 0.0
