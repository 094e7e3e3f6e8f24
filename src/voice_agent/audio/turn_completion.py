"""Turn completion: does what was said sound finished? One smart-turn model in a process.

A verdict takes 55 to 100 ms of CPU. All calls have theirs in the same few threads, one for each
core: a burst of pauses waits in line, and does not crowd out the event loop that carries the audio
of all. A line is also sooner through, on average, than many at once on the same core.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import onnxruntime
from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

from voice_agent.core.agent import TurnSettings
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind

NICENESS = 10
"""Of the threads, beyond that of the process. With twenty WebSocket calls on a core, 6 to 10 % of
the agents' audio came late beside threads of the loop's own priority, and none beside these
(measured side by side)."""


class SharedSmartTurnAnalyzer(LocalSmartTurnAnalyzerV3):
    """Pipecat's smart-turn analyzer without a model and a thread of its own."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        threads: ThreadPoolExecutor,
        params: SmartTurnParams,
    ) -> None:
        # Skips LocalSmartTurnAnalyzerV3's constructor, which would load the model again (40 to
        # 130 ms of CPU a call); sets what it would have set.
        BaseSmartTurn.__init__(self, params=params)
        self._log_data = False
        self._session = session
        self._threads = threads

    @property
    def _model_executor(self) -> ThreadPoolExecutor:
        return self._threads


class TurnCompletionEngine:
    """The loaded model, from which every call takes an analyzer."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._threads = ThreadPoolExecutor(
            _available_cores(), "turn completion", initializer=_yield_to_the_event_loop
        )

    def analyzer(self, turn: TurnSettings) -> BaseTurnAnalyzer:
        """Return a fresh analyzer for one call."""
        params = SmartTurnParams(stop_secs=turn.max_wait_s)
        return SharedSmartTurnAnalyzer(self._session, self._threads, params)

    async def close(self) -> None:
        """Let the threads end; what waits for a verdict gets none."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _yield_to_the_event_loop() -> None:
    """Let this thread run when the event loop does not: late audio is worse than a late verdict."""
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        # Not `setpriority` to the figure: whoever began nicer may not go back, and a thread that
        # cannot begin breaks all of them. What is over the kernel's limit is taken as that.
        os.nice(NICENESS)


def _available_cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _load() -> TurnCompletionEngine:
    analyzer = await asyncio.to_thread(LocalSmartTurnAnalyzerV3)
    try:
        return TurnCompletionEngine(analyzer._session)
    finally:
        await analyzer.cleanup()


TURN_COMPLETION: Resource[TurnCompletionEngine] = Resource(
    ResourceKey(ResourceKind.SHARED, "turn", "smart-turn"), _load, TurnCompletionEngine.close
)
"""The turn completion engine, as the pool knows it."""
