"""Calls that go on after their server was killed: what the tests and the long figures share."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from voice_agent.client import Call, TransportName, ask_in_writing, greeting
from voice_agent.client.errors import CallError
from voice_agent.client.signalling import Invitation
from voice_agent.testing.openai_server import OpenAIServer
from voice_agent.testing.running_server import RunningServer, serving

PATIENCE_S = 30.0
STEP_S = 0.02
GREETING = "Hello from the harbor."
STORY = " ".join(f"This is sentence number {number} of the story." for number in range(1, 9))
AGENT = f"""\
id: frontdesk
name: Front desk
greeting: {GREETING}
instructions: Answer.
"""
_NAME = re.compile(r"my name is (\w+)", re.IGNORECASE)


def remember(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """Answer as a language model with a memory would: it knows what it was told in this talk."""
    said = [str(each["content"]) for each in messages if each["role"] == "user"]
    names = [found[1] for words in said if (found := _NAME.search(words))]
    last = said[-1].lower() if said else ""
    if "story" in last:
        return STORY
    if "what is my name" in last:
        return f"Your name is {names[-1]}." if names else "You have not told me."
    return "Nice to meet you."


def environment_of(openai: OpenAIServer, folder: Path, **more: str) -> dict[str, str]:
    """Return settings of servers with one agent that thinks with `openai`."""
    agents = folder / "agents"
    agents.mkdir(exist_ok=True)
    (agents / "frontdesk.yaml").write_text(AGENT)
    return {
        "VOICE_AGENT_AGENTS_DIR": str(agents),
        "VOICE_AGENT_LLM_PROVIDER": "openai",
        "VOICE_AGENT_LLM_MODEL": "test",
        "VOICE_AGENT_LLM_BASE_URL": openai.base_url,
        "VOICE_AGENT_LLM_API_KEY": "none",
        **more,
    }


@asynccontextmanager
async def servers(
    folder: Path, environment: Mapping[str, str], count: int, *options: str
) -> AsyncIterator[list[RunningServer]]:
    """Start servers beside each other, that share a data directory."""
    async with AsyncExitStack() as stack:
        running = []
        for _ in range(count):
            manager = serving(folder, *options, environment=environment)
            running.append(await asyncio.to_thread(manager.__enter__))
            stack.push_async_callback(asyncio.to_thread, manager.__exit__, None, None, None)
        yield running


def moved(invitation: Invitation, url: str) -> Invitation:
    """Return an invitation to the same session at another server."""
    place = urlsplit(url).netloc
    return replace(
        invitation,
        transports=tuple(
            replace(offer, url=offer.url.replace(urlsplit(offer.url).netloc, place))
            for offer in invitation.transports
        ),
    )


async def introduce(call: Call, name: str) -> None:
    """Be greeted, and say who one is."""
    hello = await greeting(call, PATIENCE_S)
    assert hello is not None
    answer = await ask_in_writing(call, f"My name is {name}.", PATIENCE_S)
    assert "Nice" in answer.text, answer


async def come_back(
    invitation: Invitation, url: str, *, transport: TransportName = TransportName.WEBSOCKET
) -> Call:
    """Connect to a session again, at once and until it succeeds.

    Raises:
        CallError: It does not, in `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        call = Call(
            url, transport=transport, invitation=moved(invitation, url), timeout_s=PATIENCE_S
        )
        try:
            await call.connect()
        except CallError:
            await call.close()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(STEP_S)
        else:
            return call


@dataclass(frozen=True)
class Return:
    """How a caller came back: seconds until media flowed again, and whether he was known."""

    gap_s: float
    is_known: bool


async def check_memory(call: Call, name: str) -> bool:
    """Ask what only who remembers can answer; nobody may greet again."""
    answer = await ask_in_writing(call, "What is my name?", PATIENCE_S)
    heard = " ".join(line.text for line in call.transcript)
    return f"Your name is {name}" in answer.text and GREETING not in heard
