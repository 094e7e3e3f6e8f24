"""Looks at everything that a call needs, and says what stands in its way and what mends it."""

import asyncio
import os
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from voice_agent.bot.agents import AgentRepository, agents_directory
from voice_agent.config import Settings
from voice_agent.console_files import console_directory
from voice_agent.core.errors import AgentNotFoundError, SettingsError
from voice_agent.doctor_check import Check, Status
from voice_agent.doctor_webrtc import check_turn, check_udp_ports, check_webrtc
from voice_agent.listening import host_addresses, listen, microphone_needs_tls
from voice_agent.shares import require_shareable
from voice_agent.tls import RENEW_BEFORE, SELF_SIGNED, SELF_SIGNED_FILE, read_tls

if TYPE_CHECKING:
    from voice_agent.services.provider import Provider, Stage

DISTRIBUTION = "voice-agent-backend"
OLDEST_PYTHON = (3, 11)
PROVIDER_TIMEOUT_S = 15.0
EXPIRY_WARNING = timedelta(days=14)


async def examine(settings: Settings, now: datetime) -> Sequence[Check]:
    """Return what was found, in the order in which one would mend it.

    Args:
        settings: What is in effect.
        now: The time, with its zone.
    """
    from voice_agent.services.provider import Stage  # noqa: PLC0415 - imports Pipecat

    checks = [
        check_python(sys.version_info[:3]),
        check_pipecat(metadata.requires(DISTRIBUTION) or (), metadata.version("pipecat-ai")),
        check_data_directory(settings.data_dir),
        check_port(settings.host, settings.port, "PORT"),
    ]
    if settings.workers > 1:
        checks.append(check_processes(settings))
    if settings.device_port is not None:
        checks.append(check_port(settings.host, settings.device_port, "DEVICE_PORT"))
    if settings.tls is not None:
        checks.append(check_tls(settings.tls, settings.data_dir, now))
    checks.append(check_microphone(settings))
    if "webrtc" in settings.transports:
        checks.append(check_webrtc(settings, host_addresses()))
        checks += check_udp_ports(settings, host_addresses())
        checks += await check_turn(settings)
    checks.append(check_page(console_directory()))
    checks += check_agents(settings)
    for stage in Stage:
        checks += await check_provider(settings, stage)
    return checks


def check_python(version: tuple[int, ...]) -> Check:
    """Look whether Python is new enough."""
    shown = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return Check("Python", Status.OK, shown)
    return Check("Python", Status.FAILED, shown, "install Python 3.11 or later")


def check_pipecat(requirements: Sequence[str], installed: str) -> Check:
    """Look whether Pipecat is the version that our `requirements` pin."""
    found = (re.match(r"pipecat-ai\s*(?:\[.*\])?\s*==\s*([^\s;]+)", line) for line in requirements)
    pinned = next((match[1] for match in found if match), installed)
    if installed == pinned:
        return Check("Pipecat", Status.OK, installed)
    mend = f"install the version this was built for: pip install pipecat-ai=={pinned}"
    return Check("Pipecat", Status.FAILED, f"{installed} instead of {pinned}", mend)


def check_data_directory(directory: Path) -> Check:
    """Look whether files can be made in the directory, or the directory itself can."""
    place = directory.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        made = "" if place == directory.absolute() else " (is made when needed)"
        return Check("Data directory", Status.OK, f"{directory}{made}")
    mend = "set VOICE_AGENT_DATA_DIR to a directory that this user may write to"
    return Check("Data directory", Status.FAILED, f"{directory} cannot be written to", mend)


def check_processes(settings: Settings) -> Check:
    """Look whether the processes can share the limits."""
    try:
        require_shareable(settings, settings.workers)
    except SettingsError as error:
        return Check("Processes", Status.FAILED, str(error).replace("\n", "; "))
    return Check("Processes", Status.OK, f"{settings.workers}, and a supervisor")


def check_port(host: str, port: int, setting: str) -> Check:
    """Look whether the port is free."""
    name = "Device port" if setting == "DEVICE_PORT" else "Port"
    if port == 0:
        return Check(name, Status.OK, "any free one")
    try:
        listen(host, port, setting=f"VOICE_AGENT_{setting}").close()
    except SettingsError as error:
        return _failed(name, error)
    return Check(name, Status.OK, f"{port} on {host} is free")


def check_tls(choice: str, data_dir: Path, now: datetime) -> Check:
    """Look whether HTTPS can be served with what was chosen; makes nothing."""
    path = data_dir / SELF_SIGNED_FILE
    if choice == SELF_SIGNED and not path.exists():
        return Check("TLS", Status.OK, f"a self-signed certificate is made at the start: {path}")
    try:
        files = read_tls(str(path) if choice == SELF_SIGNED else choice, now)
    except SettingsError as error:
        if choice == SELF_SIGNED:
            return Check("TLS", Status.OK, f"{path} is made again at the start")
        return _failed("TLS", error)
    detail = f"{files.certificate}, good until {files.not_after:%Y-%m-%d}"
    if choice == SELF_SIGNED:
        again = files.not_after - now < RENEW_BEFORE
        return Check("TLS", Status.OK, detail + ", renewed at the start" * again)
    if files.not_after - now < EXPIRY_WARNING:
        return Check("TLS", Status.WARNING, detail, "renew it")
    return Check("TLS", Status.OK, detail)


def check_microphone(settings: Settings) -> Check:
    """Look whether browsers will lend the page their microphone."""
    if not microphone_needs_tls(settings):
        return Check("Microphone", Status.OK, "browsers can give it to the page")
    return Check(
        "Microphone",
        Status.WARNING,
        "browsers give it only over HTTPS or to localhost",
        "set VOICE_AGENT_TLS=self-signed, or put a proxy with HTTPS in front and set "
        "VOICE_AGENT_PUBLIC_URL=https://...",
    )


def check_page(directory: Path) -> Check:
    """Look whether the page was built."""
    if (directory / "index.html").is_file():
        return Check("Page", Status.OK, str(directory))
    mend = "./scripts/dev.sh setup builds it; clients of other origins work without"
    return Check("Page", Status.WARNING, "not built", mend)


def check_agents(settings: Settings) -> Iterator[Check]:
    """Look at every agent file and whether the default agent is there."""
    try:
        agents = AgentRepository(agents_directory(settings.agents_dir))
    except SettingsError as error:
        yield _failed("Agents", error)
        return
    for problem in agents.problems():
        yield Check(
            "Agents", Status.WARNING, str(problem), "'voice-agent agents check' when mended"
        )
    names = [agent.id for agent in agents.list()]
    try:
        agent = agents.get(settings.default_agent)
    except AgentNotFoundError:
        detail = f"no '{settings.default_agent}' in {agents.directory}"
        mend = f"set VOICE_AGENT_DEFAULT_AGENT to one of: {', '.join(names)}"
        if not names:
            mend = f"voice-agent agents new {settings.default_agent}"
        yield Check("Default agent", Status.FAILED, detail, mend)
        return
    yield Check("Agents", Status.OK, f"{', '.join(names)} in {agents.directory}")
    knows = f"{len(agent.knowledge)} knowledge entries"
    yield Check("Default agent", Status.OK, f"{agent.id}: {agent.name}, {knows}")


async def check_provider(
    settings: Settings, stage: "Stage", timeout_s: float = PROVIDER_TIMEOUT_S
) -> Sequence[Check]:
    """Load the provider of `stage` and let it check itself for at most `timeout_s` seconds."""
    label = {"stt": "Speech to text", "llm": "Language model", "tts": "Text to speech"}[stage.value]
    setting = f"VOICE_AGENT_{stage.name}_PROVIDER"
    try:
        name, provider = _provider(settings, stage)
        async with asyncio.timeout(timeout_s):
            problems = await provider.check()
    except SettingsError as error:
        return [_failed(label, error)]
    except TimeoutError:
        mend = f"see whether its server answers, or set {setting} to another"
        return [Check(label, Status.FAILED, f"{name}: no answer in {timeout_s:g} s", mend)]
    except Exception as error:  # noqa: BLE001 - whatever a provider raises is a finding
        mend = f"mend it, or set {setting} to another"
        return [Check(label, Status.FAILED, f"fails its check: {error!r}", mend)]
    if problems:
        return [Check(label, Status.FAILED, f"{name}: {line}") for line in problems]
    return [Check(label, Status.OK, name)]


def _provider(settings: Settings, stage: "Stage") -> "tuple[str, Provider]":
    from voice_agent.services.registry import provider_class  # noqa: PLC0415 - imports Pipecat

    name, options = settings.provider(stage)
    return name, provider_class(stage, name)(options)


def _failed(name: str, error: SettingsError) -> Check:
    fault, _, mend = str(error).partition("; ")
    return Check(name, Status.FAILED, fault, mend)
