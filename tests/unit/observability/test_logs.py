import io
import json
import logging
from collections.abc import Iterator

import pytest
from loguru import logger

from voice_agent.observability.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    yield io.StringIO()
    logger.remove()
    logger.configure(patcher=None)
    logging.basicConfig(handlers=[], force=True)


def test_a_line_of_text_names_its_session(stream: io.StringIO) -> None:
    configure_logs("INFO", "text", stream)
    logger.bind(session_id="s1").info("it {}", "works")
    assert "[s1] it works" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


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


def test_below_the_level_nothing_is_written(stream: io.StringIO) -> None:
    configure_logs("WARNING", "text", stream)
    logger.info("not this")
    assert stream.getvalue() == ""
