"""`voice-agent users` and `voice-agent keys`, with a real database."""

import io
from pathlib import Path

import pytest

from tests.prepared_sqlite import prepared_sqlite
from tests.unit.test_cli import Command, clean_place, command
from voice_agent.accounts.authorize import Action

__all__ = ["clean_place", "command"]

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def data_dir(clean_place: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    prepared_sqlite(tmp_path)
    monkeypatch.setenv("VOICE_AGENT_DATA_DIR", str(tmp_path))
    return tmp_path


def create_user(
    command: Command, monkeypatch: pytest.MonkeyPatch, password: str, *options: str
) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    person = ("--email", "Ann@example.com", "--name", "Ann", "--password-stdin")
    return command("users", "create", *person, *options)


def test_a_user_is_made_and_listed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = create_user(command, monkeypatch, PASSWORD)
    assert (code, "may sign in as administrator" in out) == (0, True)
    code, out, _ = command("users", "list")
    user_id, role, email, name = out.split()
    assert (code, role, email, name) == (0, "administrator", "ann@example.com", "Ann")
    assert user_id.startswith("user_")
    code, _, err = create_user(command, monkeypatch, PASSWORD, "--role", "member")
    assert (code, err) == (2, "error: there is a user with the address ann@example.com already\n")


def test_a_short_password_is_refused(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = create_user(command, monkeypatch, "short")
    assert code == 2
    assert "12 to 200 characters" in err
    assert command("users", "list")[1] == ""


def test_a_key_is_printed_once_listed_and_revoked(command: Command) -> None:
    wish = ("--name", "CI", "--scope", "sessions:create", "--scope", "pool:read")
    code, out, err = command("keys", "create", *wish, "--expires-days", 30)
    key = out.strip()
    assert (code, key.startswith("vak_secret_"), "not shown again" in err) == (0, True, True)
    code, listed, _ = command("keys", "list")
    assert key not in listed
    key_id = listed.split()[0]
    assert listed.split()[1] == "good"
    assert "CI: pool:read, sessions:create" in listed
    assert command("keys", "revoke", key_id)[:2] == (0, f"{key_id} is revoked\n")
    assert command("keys", "list")[1].split()[1] == "revoked"
    code, _, err = command("keys", "revoke", "nobody")
    assert (code, "no key has the id 'nobody'" in err) == (2, True)


def test_a_publishable_key_needs_its_sites(command: Command) -> None:
    wish = ("--name", "Shop", "--publishable", "--agent", "sales")
    code, _, err = command("keys", "create", *wish)
    assert (code, "needs the sites" in err) == (2, True)
    code, out, _ = command("keys", "create", *wish, "--origin", "https://shop.example.com")
    assert (code, out.startswith("vak_public_")) == (0, True)
    assert "https://shop.example.com" in command("keys", "list")[1]


def test_an_unknown_scope_is_answered_with_all_there_are(command: Command) -> None:
    code, _, err = command("keys", "create", "--name", "x", "--scope", "everything")
    assert code == 2
    assert all(action in err for action in Action)
