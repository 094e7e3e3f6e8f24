"""Turn completion: does what was said sound finished? One smart-turn model in a process."""

import asyncio

import onnxruntime
from pipecat.audio.turn.base_turn_analyzer import BaseTurnAnalyzer
from pipecat.audio.turn.smart_turn.base_smart_turn import BaseSmartTurn, SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

from voice_agent.core.agent import TurnSettings
from voice_agent.core.service_pool import Resource, ResourceKey, ResourceKind


class SharedSmartTurnAnalyzer(LocalSmartTurnAnalyzerV3):
    """Pipecat's smart-turn analyzer without a model of its own."""

    def __init__(self, session: onnxruntime.InferenceSession, params: SmartTurnParams) -> None:
        # Skips LocalSmartTurnAnalyzerV3's constructor, which would load the model again (40 to
        # 130 ms of CPU a call); sets what it would have set.
        BaseSmartTurn.__init__(self, params=params)
        self._log_data = False
        self._session = session


class TurnCompletionEngine:
    """The loaded model, from which every call takes an analyzer."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    def analyzer(self, turn: TurnSettings) -> BaseTurnAnalyzer:
        """Return a fresh analyzer for one call."""
        return SharedSmartTurnAnalyzer(self._session, SmartTurnParams(stop_secs=turn.max_wait_s))


async def _load() -> TurnCompletionEngine:
    analyzer = await asyncio.to_thread(LocalSmartTurnAnalyzerV3)
    try:
        return TurnCompletionEngine(analyzer._session)
    finally:
        await analyzer.cleanup()


TURN_COMPLETION: Resource[TurnCompletionEngine] = Resource(
    ResourceKey(ResourceKind.SHARED, "turn", "smart-turn"), _load
)
"""The turn completion engine, as the pool knows it."""
