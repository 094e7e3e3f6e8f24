"""The agents of a directory of YAML files, read again when the files change."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from voice_agent.bot.agent_file import AgentFileError, AgentProblem, read_agent_file
from voice_agent.core.agent import Agent
from voice_agent.core.errors import AgentNotFoundError, SettingsError

_PACKAGE = Path(__file__).resolve().parent.parent
_Signature = tuple[int, int, int]
_UNREADABLE: _Signature = (0, 0, 0)


def agents_directory(chosen: Path | None = None, *, beside: Path | None = None) -> Path:
    """Return where agents are read from: `chosen`, else `./agents`, else the shipped ones.

    `beside` is what `./` means; the current directory if not given.
    """
    if chosen is not None:
        return chosen
    local = (beside or Path.cwd()) / "agents"
    if local.is_dir():
        return local
    packaged = _PACKAGE / "agents"
    return packaged if packaged.is_dir() else _PACKAGE.parent.parent / "agents"


@dataclass(frozen=True)
class _File:
    """What one file held when it was last read: its last good agent, and what is wrong now."""

    signature: _Signature
    agent: Agent | None
    problems: tuple[AgentProblem, ...]


class AgentRepository:
    """Agents by id. Every access looks whether files changed and reads only those that did.

    A file that was broken by an edit goes on serving its last good agent, and what is wrong with
    it is logged once. To be used from one thread.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._found: dict[str, _Signature] | None = None
        self._files: dict[str, _File] = {}
        self._serving: dict[str, Agent] = {}
        self._by_id: dict[str, Agent] = {}
        self._problems: tuple[AgentProblem, ...] = ()
        try:
            found = _scan(directory)
        except OSError as error:
            raise SettingsError(
                f"VOICE_AGENT_AGENTS_DIR: '{directory}' cannot be read "
                f"({error.strerror or error}); name a directory of agent files"
            ) from error
        self._update(found)

    @property
    def directory(self) -> Path:
        """Where the files are."""
        return self._directory

    def get(self, agent_id: str) -> Agent:
        """Return the agent with that id as its file now describes it.

        Raises:
            AgentNotFoundError: There is none; the message names those that there are.
        """
        self._refresh()
        agent = self._by_id.get(agent_id)
        if agent is None:
            raise AgentNotFoundError(self._not_found(agent_id))
        return agent

    def list(self) -> Sequence[Agent]:
        """Return all agents, sorted by id."""
        self._refresh()
        return tuple(self._by_id[agent_id] for agent_id in sorted(self._by_id))

    def problems(self) -> Sequence[AgentProblem]:
        """Return everything that is wrong with the files now, in the order of their names."""
        self._refresh()
        return self._problems

    def _not_found(self, agent_id: str) -> str:
        known = ", ".join(sorted(self._by_id)) or "none"
        message = f"There is no agent '{agent_id[:64]}' in '{self._directory}'; there are: {known}."
        if self._problems:
            message += f" Not usable: {'; '.join(map(str, self._problems))}"
        return message

    def _refresh(self) -> None:
        try:
            found = _scan(self._directory)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            self._report((AgentProblem(self._directory, reason),))
            self._found = None
            return
        if found != self._found:
            self._update(found)

    def _update(self, found: dict[str, _Signature]) -> None:
        self._found = found
        self._files = {name: self._read(name, found[name]) for name in sorted(found)}
        candidates = {name: file.agent for name, file in self._files.items() if file.agent}
        self._serving, clashes = settle_ids(candidates, self._serving)
        self._by_id = {agent.id: agent for agent in self._serving.values()}
        problems: list[AgentProblem] = []
        for name, file in self._files.items():
            problems += file.problems
            if name in clashes and not file.problems:
                message = f"'{candidates[name].id}' is already the id of {clashes[name]}"
                problems.append(AgentProblem(self._directory / name, message, field="id"))
        self._report(tuple(problems))

    def _read(self, name: str, signature: _Signature) -> _File:
        known = self._files.get(name)
        if known is not None and known.signature == signature:
            return known
        try:
            return _File(signature, read_agent_file(self._directory / name), ())
        except AgentFileError as error:
            return _File(signature, known.agent if known else None, error.problems)

    def _report(self, problems: tuple[AgentProblem, ...]) -> None:
        for problem in problems:
            if problem not in self._problems:
                logger.warning("Agent file: {}", problem)
        self._problems = problems


def settle_ids(
    candidates: Mapping[str, Agent], serving: Mapping[str, Agent]
) -> tuple[dict[str, Agent], dict[str, str]]:
    """Decide which file serves which agent, so that each id has one file.

    A file that already serves an id keeps it, otherwise the first by name gets it. A file that
    loses goes on with what it served before, if that id is still free.

    Args:
        candidates: What each file holds now, by file name.
        serving: What each file served until now.

    Returns:
        What each file serves from now on, and for each that lost, the file that has its id.
    """

    def rank(name: str) -> tuple[bool, str]:
        before = serving.get(name)
        return (before is None or before.id != candidates[name].id, name)

    owners: dict[str, str] = {}
    settled: dict[str, Agent] = {}
    clashes: dict[str, str] = {}
    for name in sorted(candidates, key=rank):
        owner = owners.setdefault(candidates[name].id, name)
        if owner == name:
            settled[name] = candidates[name]
        else:
            clashes[name] = owner
    for name in clashes:
        before = serving.get(name)
        if before is not None and owners.setdefault(before.id, name) == name:
            settled[name] = before
    return settled, clashes


def _scan(directory: Path) -> dict[str, _Signature]:
    """Return the agent files of `directory` and what changes whenever one of them does."""
    found: dict[str, _Signature] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.endswith((".yaml", ".yml")):
                continue
            try:
                status = entry.stat()
            except OSError:
                found[entry.name] = _UNREADABLE
            else:
                found[entry.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found
