"""Secrets on disk."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from voice_agent.core.errors import SettingsError
from voice_agent.private_files import SECRET_KEY_FILE, read_or_make, replace, secret_key


def test_the_secret_is_made_once_and_kept_for_the_owner(tmp_path: Path) -> None:
    data = tmp_path / "data"
    secret = secret_key(data)
    assert len(secret) >= 32
    assert secret_key(data) == secret
    assert (data / SECRET_KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in data.iterdir()] == [SECRET_KEY_FILE]


def test_a_chosen_secret_is_not_written(tmp_path: Path) -> None:
    assert secret_key(tmp_path / "data", "chosen") == "chosen"
    assert not (tmp_path / "data").exists()


def test_a_secret_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / SECRET_KEY_FILE).write_text("short\n")
    with pytest.raises(SettingsError, match=r"VOICE_AGENT_SECRET_KEY: .*fewer than 32"):
        secret_key(tmp_path)


def test_all_who_start_at_once_get_the_same(tmp_path: Path) -> None:
    numbers = iter(range(100))
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(
                lambda _: read_or_make(tmp_path / "file", lambda: b"%d" % next(numbers)), range(16)
            )
        )
    assert len(set(results)) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_directory_that_cannot_be_used_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"VOICE_AGENT_DATA_DIR: .* cannot be used"):
        secret_key(tmp_path / "file")
    with pytest.raises(SettingsError, match=r"VOICE_AGENT_DATA_DIR: .* cannot be used"):
        replace(tmp_path / "file" / "x", b"")
