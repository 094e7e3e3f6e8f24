from typing import Any

import pytest

from voice_agent.bot.client_gate import MAX_KEYS, MAX_TEXT_LENGTH, refusal
from voice_agent.core.agent import ClientPermissions

ALL = ClientPermissions(text=True, function_results=True, dtmf=True)
NONE = ClientPermissions(text=False, function_results=False, dtmf=False)


def message(kind: str, **data: object) -> dict[str, Any]:
    return {"label": "rtvi-ai", "id": "1", "type": kind, "data": data}


@pytest.mark.parametrize("kind", ["client-ready", "disconnect-bot"])
def test_the_handshake_and_goodbye_always_pass(kind: str) -> None:
    assert refusal(message(kind), NONE) is None


@pytest.mark.parametrize(
    ("sent", "setting"),
    [
        (message("send-text", content="Hello"), "client.text"),
        (message("llm-function-call-result", result="x"), "client.function_results"),
        (message("dtmf", buttons=["1"]), "client.dtmf"),
    ],
)
def test_the_agent_decides(sent: dict[str, Any], setting: str) -> None:
    assert refusal(sent, ALL) is None
    reason = refusal(sent, NONE)
    assert reason is not None
    assert setting in reason


@pytest.mark.parametrize(
    "sent",
    [
        message("raw-audio", base64Audio="AAAA"),
        message("send-file"),
        message("client-message", t="x"),
        {"label": "rtvi-ai", "type": None},
        {"type": "client-ready"},
        {},
        {"label": "rtvi-ai", "type": ["send-text"]},
        message("dtmf"),
        message("dtmf", buttons=[]),
        message("dtmf", buttons=["1"] * (MAX_KEYS + 1)),
        message("send-text", content=""),
        message("send-text", content=7),
        message("send-text", content="x" * (MAX_TEXT_LENGTH + 1)),
        {"label": "rtvi-ai", "type": "send-text", "data": "Hello"},
    ],
)
def test_everything_else_is_refused_with_a_reason(sent: dict[str, Any]) -> None:
    assert refusal(sent, ALL)


def test_a_refusal_repeats_little_of_what_was_sent() -> None:
    reason = refusal(message("x" * 100_000), ALL)
    assert reason is not None
    assert len(reason) < 100
