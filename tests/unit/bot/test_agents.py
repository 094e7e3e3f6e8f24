"""The repository follows its directory, and a broken edit breaks nothing."""

import os
import time
from pathlib import Path

import pytest

from voice_agent.bot.agents import AgentRepository, agents_directory, settle_ids
from voice_agent.core.agent import Agent
from voice_agent.core.errors import AgentNotFoundError, SettingsError


def write(directory: Path, file: str, agent_id: str, greeting: str = "Hello") -> Path:
    path = directory / file
    path.write_text(f"id: {agent_id}\nname: Agent\ngreeting: {greeting}\n")
    return path


def test_agents_are_found_by_id_whatever_their_file_is_called(tmp_path: Path) -> None:
    write(tmp_path, "one.yaml", "sales")
    write(tmp_path, "two.yml", "billing")
    write(tmp_path, ".hidden.yaml", "hidden")
    (tmp_path / "notes.txt").write_text("no agent")
    agents = AgentRepository(tmp_path)
    assert [agent.id for agent in agents.list()] == ["billing", "sales"]
    assert agents.get("sales").greeting == "Hello"
    assert agents.problems() == ()


def test_an_unknown_id_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path, "one.yaml", "sales")
    write(tmp_path, "two.yaml", "billing")
    with pytest.raises(AgentNotFoundError, match=r"no agent 'nobody'.*: billing, sales\."):
        AgentRepository(tmp_path).get("nobody")


def test_an_unknown_id_is_answered_with_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "sales.yaml").write_text("id: sales\n")
    with pytest.raises(AgentNotFoundError, match=r"are: none\. Not usable: .*sales\.yaml:1: name"):
        AgentRepository(tmp_path).get("sales")


def test_new_changed_and_removed_files_are_followed(tmp_path: Path) -> None:
    agents = AgentRepository(tmp_path)
    file = write(tmp_path, "one.yaml", "sales")
    before = agents.get("sales")
    write(tmp_path, "one.yaml", "sales", "Good evening")
    after = agents.get("sales")
    assert (after.greeting, before.greeting) == ("Good evening", "Hello")
    assert after.version != before.version
    file.unlink()
    assert agents.list() == ()


def test_an_edit_that_keeps_the_size_is_seen(tmp_path: Path) -> None:
    file = write(tmp_path, "one.yaml", "sales", "Hello")
    agents = AgentRepository(tmp_path)
    write(tmp_path, "one.yaml", "sales", "Hallo")
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert agents.get("sales").greeting == "Hallo"


def test_a_file_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    write(tmp_path, "one.yaml", "sales")
    agents = AgentRepository(tmp_path)
    first = agents.get("sales")
    write(tmp_path, "two.yaml", "billing")
    assert agents.get("billing").id == "billing"
    assert agents.get("sales") is first


def test_a_broken_edit_keeps_the_last_good_version_and_is_logged_once(
    tmp_path: Path, warnings: list[str]
) -> None:
    file = write(tmp_path, "one.yaml", "sales")
    agents = AgentRepository(tmp_path)
    file.write_text("id: sales\nname: Agent\ngreting: Hi\n")
    assert [agents.get("sales").greeting for _ in range(3)] == ["Hello"] * 3
    assert [line for line in warnings if "greting" in line] == [
        f"Agent file: {file}:3: greting: unknown field; did you mean 'greeting'?"
    ]
    assert [problem.field for problem in agents.problems()] == ["greting"]
    write(tmp_path, "one.yaml", "sales", "Mended")
    assert agents.get("sales").greeting == "Mended"
    assert agents.problems() == ()


def test_two_files_with_one_id_are_reported_and_the_first_serves(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "sales", "First")
    second = write(tmp_path, "b.yaml", "sales", "Second")
    agents = AgentRepository(tmp_path)
    assert agents.get("sales").greeting == "First"
    assert [str(problem) for problem in agents.problems()] == [
        f"{second}: id: 'sales' is already the id of a.yaml"
    ]
    (tmp_path / "a.yaml").unlink()
    assert agents.get("sales").greeting == "Second"
    assert agents.problems() == ()


def test_an_edit_cannot_take_an_id_over_from_another_file(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "alpha", "A")
    write(tmp_path, "b.yaml", "beta", "B")
    agents = AgentRepository(tmp_path)
    write(tmp_path, "a.yaml", "beta", "A pretends to be B")
    assert [agent.greeting for agent in agents.list()] == ["A", "B"]
    assert len(agents.problems()) == 1


def test_a_dangling_link_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").symlink_to(tmp_path / "nowhere.yaml")
    problems = AgentRepository(tmp_path).problems()
    assert "cannot be read" in str(problems[0])


def test_a_directory_that_vanishes_leaves_what_was_there(
    tmp_path: Path, warnings: list[str]
) -> None:
    directory, aside = tmp_path / "agents", tmp_path / "aside"
    directory.mkdir()
    write(directory, "one.yaml", "sales")
    agents = AgentRepository(directory)
    directory.rename(aside)
    assert agents.get("sales").id == "sales"
    assert agents.get("sales").id == "sales"
    assert len([line for line in warnings if "cannot be read" in line]) == 1
    aside.rename(directory)
    assert agents.problems() == ()


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_directory_that_is_none_is_a_settings_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"VOICE_AGENT_AGENTS_DIR: .* cannot be read"):
        AgentRepository(tmp_path / name)


def test_the_chosen_directory_wins_then_the_local_one_then_the_shipped(tmp_path: Path) -> None:
    chosen, local = tmp_path / "chosen", tmp_path / "agents"
    assert agents_directory(chosen, beside=tmp_path) == chosen
    assert agents_directory(beside=tmp_path).name == "agents"
    assert agents_directory(beside=tmp_path) != local
    local.mkdir()
    assert agents_directory(beside=tmp_path) == local


def test_reading_a_changed_file_of_thirty_entries_takes_a_few_milliseconds(tmp_path: Path) -> None:
    entry = "  - questions: [When are you open?, What are your hours?]\n    answer: Nine to six.\n"
    text = "id: sales\nname: Agent\ngreeting: Hello\nknowledge:\n" + entry * 30
    (tmp_path / "one.yaml").write_text(text)
    agents = AgentRepository(tmp_path)
    durations = []
    for change in range(5):
        (tmp_path / "one.yaml").write_text(f"{text}# {'x' * change}\n")
        begin = time.perf_counter()
        agents.get("sales")
        durations.append(time.perf_counter() - begin)
    assert min(durations) < 0.010


def agent(agent_id: str, greeting: str = "Hello") -> Agent:
    return Agent(id=agent_id, name="Agent", greeting=greeting)


def test_files_that_swap_their_ids_both_serve() -> None:
    serving = {"a": agent("x"), "b": agent("y")}
    candidates = {"a": agent("y"), "b": agent("x")}
    assert settle_ids(candidates, serving) == (candidates, {})


def test_a_loser_whose_old_id_was_taken_serves_nothing() -> None:
    serving = {"a": agent("x"), "b": agent("y")}
    candidates = {"a": agent("y"), "b": agent("y"), "c": agent("x")}
    settled, clashes = settle_ids(candidates, serving)
    assert settled == {"b": candidates["b"], "c": candidates["c"]}
    assert clashes == {"a": "b"}
