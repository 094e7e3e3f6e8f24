"""RTVI messages become events."""

from typing import Any

import pytest

from voice_agent.client import rtvi
from voice_agent.client.events import (
    BotInterrupted,
    BotReady,
    BotStartedSpeaking,
    BotStoppedSpeaking,
    CallEvent,
    RtviMessage,
    ServerError,
    Speaker,
    Transcript,
    UserStartedSpeaking,
    UserStoppedSpeaking,
)


def read(kind: str, data: Any = None) -> CallEvent | None:
    return rtvi.RtviReader().read({"label": "rtvi-ai", "type": kind, "data": data}, 1.5)


@pytest.mark.parametrize(
    ("kind", "data", "event"),
    [
        ("bot-ready", {"version": "2.2.0"}, BotReady(1.5, "2.2.0")),
        ("user-started-speaking", None, UserStartedSpeaking(1.5)),
        ("user-stopped-speaking", None, UserStoppedSpeaking(1.5)),
        ("bot-started-speaking", None, BotStartedSpeaking(1.5)),
        ("bot-stopped-speaking", None, BotStoppedSpeaking(1.5)),
        ("bot-interrupted", None, BotInterrupted(1.5)),
        ("error", {"error": "no", "fatal": True}, ServerError(1.5, "no", True)),
        ("error-response", {"error": "no"}, ServerError(1.5, "no", False)),
        ("server-message", {"a": 1}, RtviMessage(1.5, "server-message", {"a": 1})),
        ("user-input", {"text": " hi "}, Transcript(1.5, Speaker.USER, "hi")),
        (
            "user-input",
            {"text": "hi", "final": False},
            Transcript(1.5, Speaker.USER, "hi", final=False),
        ),
        ("bot-output", {"text": "hello", "segment_id": 1}, Transcript(1.5, Speaker.BOT, "hello")),
        ("bot-output", {"text": "  "}, None),
    ],
)
def test_messages_become_events(kind: str, data: Any, event: CallEvent | None) -> None:
    assert read(kind, data) == event


@pytest.mark.parametrize(
    "received", [None, [], "text", {}, {"label": "other", "type": "error"}, {"label": "rtvi-ai"}]
)
def test_what_is_no_rtvi_message_is_no_event(received: Any) -> None:
    assert rtvi.RtviReader().read(received, 0.0) is None


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_payloads_of_the_wrong_kind_are_empty(data: Any) -> None:
    assert read("server-message", data) == RtviMessage(1.5, "server-message", {})


def test_words_told_twice_are_one_line() -> None:
    reader = rtvi.RtviReader()
    messages = [
        ("user-input", {"text": "when", "final": True}),
        ("user-transcription", {"text": "when", "final": True}),
        ("bot-output", {"text": "now", "segment_id": 3, "spoken_status": "new"}),
        ("bot-tts-text", {"text": "now"}),
        ("bot-output", {"text": "now", "segment_id": 3, "spoken_status": "completed"}),
        ("bot-output", {"text": "or later", "segment_id": 4}),
    ]

    events = [reader.read({"label": "rtvi-ai", "type": t, "data": d}, 0.0) for t, d in messages]

    assert [e.text for e in events if isinstance(e, Transcript)] == ["when", "now", "or later"]


def test_older_messages_are_read_when_the_newer_do_not_come() -> None:
    reader = rtvi.RtviReader()
    messages = [
        ("user-transcription", {"text": "when", "final": True}),
        ("bot-tts-text", {"text": "now"}),
    ]

    events = [reader.read({"label": "rtvi-ai", "type": t, "data": d}, 0.0) for t, d in messages]

    assert events == [Transcript(0.0, Speaker.USER, "when"), Transcript(0.0, Speaker.BOT, "now")]


def test_a_client_says_what_it_is() -> None:
    ready = rtvi.client_ready("1")

    assert ready["type"] == "client-ready"
    assert ready["label"] == "rtvi-ai"
    assert ready["data"]["version"] == rtvi.PROTOCOL_VERSION
    assert ready["data"]["about"]["library"] == "voice-agent-client"


def test_typed_text_is_to_be_answered_aloud() -> None:
    data = rtvi.send_text("2", "hello")["data"]

    assert data == {
        "content": "hello",
        "options": {"run_immediately": True, "audio_response": True},
    }
