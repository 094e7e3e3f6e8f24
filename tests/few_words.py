"""An agent of few words, for tests that are about something else."""

from pathlib import Path

AGENT = """\
id: frontdesk
name: Front desk
greeting: Hello.
knowledge:
  - questions: ["When are you open?"]
    answer: At nine.
"""


def agents_in(folder: Path) -> Path:
    """Make the directory of agents in `folder`, with this one, and return it."""
    agents = folder / "agents"
    agents.mkdir()
    (agents / "frontdesk.yaml").write_text(AGENT)
    return agents
