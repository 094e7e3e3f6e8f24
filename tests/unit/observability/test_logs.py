import io
import json
import logging
import secrets
from collections.abc import Iterator

import pytest
from loguru import logger

from voice_agent.observability.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    yield io.StringIO()
    logger.remove()
    logging.basicConfig(handlers=[], force=True)


def test_a_line_of_text_names_its_session(stream: io.StringIO) -> None:
    configure_logs("INFO", "text", stream)
    logger.bind(session_id="s1").info("it {}", "works")
    assert "[s1] it works" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_line_names_its_process_where_there_are_several(stream: io.StringIO) -> None:
    configure_logs("INFO", "text", stream, process="p1")
    logger.bind(session_id="p1.s").info("text")
    configure_logs("INFO", "json", stream, process="supervisor")
    logger.info("json")
    configure_logs("INFO", "text", stream)
    logger.info("alone")
    text, as_json, alone = stream.getvalue().splitlines()
    assert "[p1] [p1.s] text" in text
    assert json.loads(as_json)["process"] == "supervisor"
    assert "[" not in alone


def test_json_is_one_object_a_line(stream: io.StringIO) -> None:
    configure_logs("DEBUG", "json", stream)
    logger.bind(session_id="s1", leg_id="l1").debug("two\nlines")
    entry = json.loads(stream.getvalue())
    assert entry["message"] == "two\nlines"
    assert (entry["session_id"], entry["leg_id"], entry["level"]) == ("s1", "l1", "DEBUG")


def test_braces_in_what_a_library_says_do_no_harm(stream: io.StringIO) -> None:
    configure_logs("INFO", "text", stream)
    logging.getLogger("some.library").warning("{nobody} knows %s", "{this}")
    assert "{nobody} knows {this}" in stream.getvalue()


def open_vault(token: str) -> None:
    raise LookupError("no such vault" if token else "no token")


def read(text: str) -> None:
    raise ValueError(text)


def test_json_shows_where_it_went_wrong_but_no_value(stream: io.StringIO) -> None:
    configure_logs("INFO", "json", stream)
    token = secrets.token_hex()
    try:
        open_vault(token)
    except LookupError:
        logger.exception("cannot open")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["exception"] == "LookupError: no such vault"
    frames = entry["traceback"].splitlines()
    assert any("in test_json_shows_where_it_went_wrong" in frame for frame in frames)
    assert any("in open_vault" in frame for frame in frames)
    assert token not in line


def test_text_shows_where_it_went_wrong_but_no_value(stream: io.StringIO) -> None:
    configure_logs("INFO", "text", stream)
    token = secrets.token_hex()
    try:
        open_vault(token)
    except LookupError:
        logger.exception("cannot open")
    first, *others = stream.getvalue().splitlines()
    assert "ERROR" in first
    assert first.endswith("cannot open")
    assert any("in open_vault" in line for line in others)
    assert others[-1] == "  LookupError: no such vault"
    assert token not in stream.getvalue()


FORGED = "bye\r\n12:00:00.000 INFO    forged\x1b[2K\x85\u2028more"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_a_client_says_makes_no_line_of_its_own(stream: io.StringIO, log_format: str) -> None:
    configure_logs("INFO", log_format, stream)
    logger.bind(session_id=FORGED).warning("the client said {}", FORGED)
    (line,) = stream.getvalue().splitlines()
    assert "\x1b" not in line
    assert r"bye\r\n12:00:00.000 INFO    forged\u001b[2K\u0085\u2028more" in line


def test_nor_does_an_error_about_it(stream: io.StringIO) -> None:
    configure_logs("INFO", "text", stream)
    try:
        read(FORGED)
    except ValueError:
        logger.exception("cannot read it")
    first, *others = stream.getvalue().splitlines()
    assert "cannot read it" in first
    assert all(line.startswith("  ") for line in others)


def test_below_the_level_nothing_is_written(stream: io.StringIO) -> None:
    configure_logs("WARNING", "text", stream)
    logger.info("not this")
    assert stream.getvalue() == ""
