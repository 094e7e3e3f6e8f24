"""Many calls one after the other, half of them cut off: what is left of them in the server?"""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voice_agent.bench.callers import QUESTIONS, speeches
from voice_agent.client import Call, Speech, TransportName
from voice_agent.client.errors import CallError
from voice_agent.testing.server_probe import ProbeClient, ServerCounts

QUIET_TIMEOUT_S = 90.0
"""How long the server may take to notice that a client has vanished: 20 s on WebSocket."""
SETTLE_S = 3.0
"""From the last session's end until the server has collected its garbage and put things away."""
RETIRE_TIMEOUT_S = 50.0
"""How long recognisers that are not needed may take to go."""
POLL_S = 0.25


class Server(Protocol):
    """What a benchmark needs of the server that it calls."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    @property
    def probe(self) -> ProbeClient:
        """What looks into it."""
        ...


@dataclass(frozen=True)
class Behaviour:
    """What one caller does.

    Attributes:
        transport: How it connects.
        rude: Whether it vanishes instead of hanging up.
        silently: Whether not even its operating system says so, as when a network is lost.
        moment: When it goes: at once, while the agent greets, while it speaks, after an answer.
    """

    transport: TransportName
    rude: bool
    silently: bool
    moment: str


MOMENTS = ("connected", "greeting", "speaking", "answering")
ALL_BEHAVIOURS = tuple(
    Behaviour(transport, rude, silently, moment)
    for moment in MOMENTS
    for transport in (TransportName.WEBSOCKET, TransportName.WEBRTC)
    for rude, silently in ((False, False), (True, False), (False, False), (True, True))
)
"""Half of them rude, both transports alike; repeated as often as calls are wanted."""


@dataclass
class Churn:
    """What was there of the server before and after; counts by the number of calls so far."""

    counts: dict[int, ServerCounts] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    rude: int = 0


async def churn(
    server: Server,
    *,
    calls: int,
    at_once: int = 8,
    count_at: tuple[int, ...] = (),
    behaviours: Sequence[Behaviour] = ALL_BEHAVIOURS,
    until_retired: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Churn:
    """Make `calls` calls, and count what is in the server before, after, and after `count_at`.

    Args:
        server: With a probe, and a resume window of a few seconds, lest vanished sessions wait.
        calls: How many.
        at_once: How many at a time.
        count_at: Numbers of calls at which to count as well.
        behaviours: What the callers do, one after the other and over again.
        until_retired: Whether to wait, before counting, until recognisers that nobody needs any
            more have gone.
        progress: Told each count.

    Raises:
        TimeoutError: The server did not become quiet.
    """
    result = Churn()
    speech = (await speeches(QUESTIONS[:1]))[0]
    coming = itertools.cycle(behaviours)
    hanging: list[Call] = []
    done = 0
    for until in sorted({0, *count_at, calls}):
        places = asyncio.Semaphore(at_once)
        async with asyncio.TaskGroup() as group:
            while done < until:
                behaviour = next(coming)
                result.rude += behaviour.rude
                group.create_task(_one(server.url, behaviour, speech, places, result, hanging))
                done += 1
        counts = await quiet(server.probe, like=result.counts.get(0) if until_retired else None)
        # Their sockets stayed open and dead until the server had given them up.
        await asyncio.gather(*(call.close() for call in hanging))
        hanging.clear()
        result.counts[until] = counts
        progress(f"after {until} calls: {summary(counts)}")
    return result


async def quiet(
    probe: ProbeClient,
    within_s: float = QUIET_TIMEOUT_S,
    *,
    beside: int = 0,
    like: ServerCounts | None = None,
) -> ServerCounts:
    """Return what is there of the server when at most `beside` sessions and connections are left.

    With `like`, wait also until it has no more child processes than there were then: recognisers
    that nobody needs retire after half a minute. More of them after `RETIRE_TIMEOUT_S` are told,
    not waited for.

    Raises:
        TimeoutError: More sessions or connections still are.
    """
    async with asyncio.timeout(within_s):
        while (await probe.count()).connections > beside:  # noqa: ASYNC110 - another process
            await asyncio.sleep(POLL_S)
        await asyncio.sleep(SETTLE_S)
    counts = await probe.count()
    if like is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETIRE_TIMEOUT_S):
                while len(counts.children) > len(like.children):
                    await asyncio.sleep(POLL_S)
                    counts = await probe.count()
    return counts


def summary(counts: ServerCounts) -> str:
    """Return the counts in one line."""
    return (
        f"{len(counts.tasks)} tasks, {counts.native_threads} threads, "
        f"{len(counts.children)} children, {counts.open_files} files, "
        f"{counts.resident_bytes / 2**20:.1f} MiB (children {counts.children_bytes / 2**20:.0f})"
    )


async def _one(
    url: str,
    behaviour: Behaviour,
    speech: Speech,
    places: asyncio.Semaphore,
    result: Churn,
    hanging: list[Call],
) -> None:
    async with places:
        call = Call(url, transport=behaviour.transport, keep_samples=False, timeout_s=20)
        try:
            await call.connect()
            await _until_moment(call, behaviour.moment, speech)
            if behaviour.rude:
                await call.abort(silently=behaviour.silently)
        except CallError as error:
            result.failures.append(f"{behaviour}: {error!r}")
        if behaviour.silently:
            hanging.append(call)
        else:
            await call.close()


async def _until_moment(call: Call, moment: str, speech: Speech) -> None:
    if moment == "connected":
        return
    await call.until(lambda: call.heard.onset_after(call.started_at), 20.0, "the greeting")
    if moment == "greeting":
        return
    utterance = await call.say(speech)
    onset = await call.until(lambda: utterance.onset_at, 20.0, "the onset of speech")
    if moment == "speaking":
        await call.until(lambda: call.horizon > onset + 0.7 or None, 20.0, "half a sentence")
        return
    ended = await utterance.voice_ended()
    await call.until(lambda: call.heard.onset_after(ended), 20.0, "the answer")
