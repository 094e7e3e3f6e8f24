"""`voice-agent agents`: make, check and list agent files."""

import re
from pathlib import Path
from typing import Annotated

import typer
from loguru import logger

from voice_agent.bot.agent_file import AgentFileError, AgentProblem, read_agent_file
from voice_agent.bot.agents import AgentRepository, agents_directory
from voice_agent.core.agent import AGENT_ID_PATTERN, Agent
from voice_agent.core.errors import SettingsError

NEW_AGENT = """\
id: {id}
name: {name}
language: en-US

# What it says when a call begins.
greeting: Hello, this is {name}. How can I help?

# What a language model is told. The embedded profile answers from the knowledge alone.
instructions: |
  You are {name}, talking with a caller. Answer in one or two short sentences.

# What it knows: ways to ask, and what to say.
knowledge:
  - questions: [When are you open?, What are your opening hours?]
    answer: We are open from nine to six, Monday to Saturday.
  - questions: [Where are you?, What is your address?]
    answer: You find us at one Main Street.

# All of the rest is optional; these are the defaults. Times are in seconds.
turn: {{start_s: 0.2, stop_s: 0.2, confidence: 0.7, interruptible: true, max_wait_s: 3}}
client: {{text: true, function_results: false, dtmf: true}}
limits: {{max_duration_s: 1800, idle_timeout_s: 300}}
"""

agents_app = typer.Typer(help="Make, check and list agents.", no_args_is_help=True)

Directory = Annotated[
    Path | None, typer.Option("--dir", help="The directory, instead of VOICE_AGENT_AGENTS_DIR.")
]


@agents_app.command("new")
def new_agent(
    agent_id: Annotated[str, typer.Argument(metavar="ID", help="For example front-desk.")],
    directory: Directory = None,
) -> None:
    """Write an agent file to start from."""
    if not re.fullmatch(AGENT_ID_PATTERN, agent_id):
        raise SettingsError(
            f"'{agent_id}' cannot be an id; use lower-case letters, digits, '-' and '_', "
            "as in 'front-desk'"
        )
    folder = directory or _chosen_directory() or Path("agents")
    file = folder / f"{agent_id}.yaml"
    name = re.sub("[-_]+", " ", agent_id).strip().capitalize()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = {agent.id for agent in AgentRepository(folder).list()}
        if agent_id in known:
            raise SettingsError(f"there is already an agent '{agent_id}' in {folder}")
        with file.open("x", encoding="utf-8") as stream:
            stream.write(NEW_AGENT.format(id=agent_id, name=name))
    except OSError as error:
        raise SettingsError(f"'{file}' cannot be written ({error.strerror or error})") from error
    typer.echo(f"{file} is written. Edit it, then:\n  voice-agent agents check {file}")
    chosen = "" if directory is None else f" --agents-dir {directory}"
    typer.echo(f"  voice-agent serve --default-agent {agent_id}{chosen}")


@agents_app.command("check")
def check_agents(
    path: Annotated[
        Path | None, typer.Argument(help="A file or a directory; VOICE_AGENT_AGENTS_DIR if none.")
    ] = None,
) -> None:
    """Say what is wrong with agent files, by file, line and field."""
    found: list[Agent] = []
    problems: list[AgentProblem] = []
    if path is not None and path.is_file():
        try:
            found = [read_agent_file(path)]
        except AgentFileError as error:
            problems += error.problems
    else:
        agents = _repository(path)
        found, problems = list(agents.list()), list(agents.problems())
        if not found and not problems:
            raise SettingsError(f"there is no agent file in '{agents.directory}'")
    for agent in found:
        typer.echo(f"✓ {agent.id}: {agent.name}, {len(agent.knowledge)} knowledge entries")
    for problem in problems:
        typer.echo(f"✗ {problem}")
    if problems:
        raise typer.Exit(1)


@agents_app.command("list")
def list_agents(directory: Directory = None) -> None:
    """List the agents that would be served."""
    agents = _repository(directory)
    found = agents.list()
    width = max((len(agent.id) for agent in found), default=0)
    for agent in found:
        typer.echo(f"{agent.id:{width}}  {agent.version}  {agent.language:7}  {agent.name}")
    typer.echo(f"{len(found)} in {agents.directory}", err=True)
    for problem in agents.problems():
        typer.echo(f"✗ {problem}", err=True)


def _repository(directory: Path | None) -> AgentRepository:
    logger.disable("voice_agent.bot")  # the problems are printed here, not logged
    return AgentRepository(directory or agents_directory(_chosen_directory()))


def _chosen_directory() -> Path | None:
    from voice_agent.config_loading import load_settings  # noqa: PLC0415 - not when a path is given

    return load_settings().agents_dir
