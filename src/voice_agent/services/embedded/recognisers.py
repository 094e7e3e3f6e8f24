"""The hearing of one version of an agent, shared by all its legs."""

import json
from collections.abc import Sequence
from typing import Final, Self

from loguru import logger

from voice_agent.core.service_pool import PoolSizes, ResourceStatistics
from voice_agent.services.embedded.helper_process import HelperProcess, helper_command
from voice_agent.services.embedded.recogniser_pool import RecogniserLimits, RecogniserPool
from voice_agent.services.embedded.recognition_protocol import BUILD
from voice_agent.services.embedded.utterance import PartialHandler, Utterance

_BUILDER: Final = "voice_agent.services.embedded.language_model_helper"
_BUILD_TIMEOUT_S: Final = 60.0


class Recognisers:
    """Recognisers fitted to what an agent knows. A leg that is silent takes none of them."""

    def __init__(self, pool: RecogniserPool) -> None:
        self._pool = pool

    @classmethod
    async def start(
        cls,
        questions: Sequence[str],
        limits: RecogniserLimits | None = None,
        sizes: PoolSizes | None = None,
    ) -> Self:
        """Build the language model for `questions` and start the recognisers that are kept warm.

        `sizes` is what the operator says instead of `limits`.

        Raises:
            HelperError: The language model cannot be built.
            RecognitionError: A recogniser cannot be started.
        """
        model = await build_model(questions)
        pool = RecogniserPool(model, limits or RecogniserLimits(), sizes)
        await pool.start()
        return cls(pool)

    @property
    def pool(self) -> RecogniserPool:
        """The helper processes."""
        return self._pool

    def statistics(self) -> Sequence[ResourceStatistics]:
        """Return the counts of the recognisers."""
        return self._pool.statistics()

    def begin(self, mean: str, on_partial: PartialHandler) -> Utterance:
        """Return a new utterance of a caller whose acoustic mean is `mean` (empty: unknown).

        `on_partial` is awaited with the words heard so far, a few times a second.
        """
        return Utterance(self._pool, mean, on_partial)

    async def close(self) -> None:
        """End the helper processes."""
        await self._pool.close()


async def build_model(questions: Sequence[str]) -> bytes:
    """Return the language model for an agent that knows `questions`, as recognisers load it.

    Raises:
        HelperError: It could not be built.
    """
    builder = HelperProcess("language-model", helper_command(_BUILDER))
    try:
        await builder.start()
        with await builder.open_stream() as stream:
            request = json.dumps(list(questions)).encode()
            left_out = await stream.request(BUILD, request, timeout_s=_BUILD_TIMEOUT_S)
            model = await stream.receive(timeout_s=_BUILD_TIMEOUT_S)
    finally:
        await builder.close()
    words = json.loads(left_out.payload)
    if words:
        logger.warning(
            "no pronunciation for {}: the recogniser cannot hear them. With flite or espeak-ng"
            " installed it makes one",
            ", ".join(words),
        )
    return model.payload
