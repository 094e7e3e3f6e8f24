"""Provider `pocketsphinx`: English speech recognition without key or download."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from voice_agent.core.agent import Agent
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import Lease, Resource, ResourceKey, ResourceKind
from voice_agent.services.embedded.helper_errors import HelperError
from voice_agent.services.embedded.pocketsphinx_service import PocketSphinxSTTService
from voice_agent.services.embedded.recogniser_pool import RecogniserLimits, RecognitionError
from voice_agent.services.embedded.recognisers import Recognisers
from voice_agent.services.provider import ProviderOptions


class PocketSphinxProvider:
    """Hears English, best what the agent knows; its recognisers run in helper processes."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:
        """Return the recognisers of `agent`'s version, shared by all its legs.

        Raises:
            SettingsError: The agent speaks another language than English.
        """
        return (self._recognisers(agent),)

    def build(self, agent: Agent, lease: Lease) -> PocketSphinxSTTService:
        """Return a speech-to-text service for one leg."""
        return PocketSphinxSTTService(
            lease.get(self._recognisers(agent)),
            start_s=agent.turn.start_s,
            stop_s=agent.turn.stop_s,
        )

    async def check(self) -> Sequence[str]:
        """Return what is missing: the package, or a helper process that works."""
        if find_spec("pocketsphinx") is None:
            return ("pocketsphinx is not installed: run 'pip install pocketsphinx'",)
        try:
            recognisers = await Recognisers.start(
                ["When are you open?"], RecogniserLimits(warm=1, maximum=1)
            )
        except (HelperError, RecognitionError) as error:
            return (str(error),)
        await recognisers.close()
        return ()

    def _recognisers(self, agent: Agent) -> Resource[Recognisers]:
        if not agent.language.startswith("en"):
            raise SettingsError(
                f"agent '{agent.id}' speaks '{agent.language}', pocketsphinx hears English only:"
                " set VOICE_AGENT_STT_PROVIDER to another"
            )
        questions = [question for entry in agent.knowledge for question in entry.questions]

        async def create() -> Recognisers:
            return await Recognisers.start(questions, sizes=self._options.pool)

        key = ResourceKey(
            ResourceKind.SHARED, "stt", "pocketsphinx", agent.id, agent_version=agent.version
        )
        return Resource(key, create, Recognisers.close, statistics=Recognisers.statistics)
