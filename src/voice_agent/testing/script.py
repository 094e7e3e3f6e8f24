"""What scripted providers have in common: faults that come when the test says so."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipecat.processors.frame_processor import FrameProcessor

from voice_agent.core.agent import Agent
from voice_agent.core.service_pool import Lease, Resource

FAULTS_LIMIT = 1_000


@dataclass(frozen=True)
class Failure:
    """The provider reports an error; a permanent one ends its use in this leg."""

    message: str = "the provider failed, as the script says"
    permanent: bool = False


@dataclass(frozen=True)
class Hang:
    """The provider never answers."""


Fault = Failure | Hang


class Script:
    """The faults of one provider, and what it needs of the pool. Shared by all its legs."""

    def __init__(self, needs: Sequence[Resource[Any]] = ()) -> None:
        self._needs = tuple(needs)
        self._faults: deque[Fault] = deque(maxlen=FAULTS_LIMIT)

    def fail_next(self, fault: Fault, *, times: int = 1) -> None:
        """Let the next `times` requests end in `fault`."""
        self._faults.extend([fault] * times)

    def resources(self, agent: Agent) -> Sequence[Resource[Any]]:  # noqa: ARG002
        """Return what a leg needs from the pool."""
        return self._needs

    async def check(self) -> Sequence[str]:
        """Return nothing: a script is always ready."""
        return ()

    def take(self, lease: Lease) -> None:
        """Take what the pool lent; raises KeyError when the lease lacks it."""
        for resource in self._needs:
            lease.get(resource)

    async def goes_wrong(self, processor: FrameProcessor) -> bool:
        """Play the next fault, if one is due, and return whether the request ends with it."""
        if not self._faults:
            return False
        fault = self._faults.popleft()
        if isinstance(fault, Hang):
            await asyncio.get_running_loop().create_future()
        else:
            await processor.push_error(fault.message, force_treat_as_permanent=fault.permanent)
        return True
