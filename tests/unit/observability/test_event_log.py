from collections.abc import Iterator

import pytest
from loguru import logger

from voice_agent.core.events import (
    Event,
    EventPayload,
    LegEnded,
    SessionStateChanged,
    UserTurnEnded,
)
from voice_agent.core.session import EndReason, SessionState
from voice_agent.observability.event_log import log_event


@pytest.fixture
def lines() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level}|{extra}|{message}", level="INFO")
    yield lines
    logger.remove(sink)


def event(payload: EventPayload) -> Event:
    return Event("s1", 1, 0.0, 0.0, payload)


def test_the_life_of_a_session_is_logged_with_its_id(lines: list[str]) -> None:
    log_event(event(SessionStateChanged(SessionState.ENDED, EndReason.IDLE)))
    log_event(event(LegEnded("l1", "client_left")))
    assert "session ended: idle" in lines[0]
    assert "s1" in lines[0]
    assert "leg l1 ended: client_left" in lines[1]


def test_what_was_said_stays_out_of_the_ordinary_log(lines: list[str]) -> None:
    log_event(event(UserTurnEnded("my secret")))
    assert lines == []
