import logging

import pytest

from voice_agent.api.redaction import ServerLogFilter, filter_server_logs, without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /ws-client?token=abc.def HTTP/1.1", "GET /ws-client?token=*** HTTP/1.1"),
        ('"WebSocket /ws?a=1&token=abc" [accepted]', '"WebSocket /ws?a=1&token=***" [accepted]'),
        ("/sessions/abc.def/api/offer", "/sessions/***/api/offer"),
        ("< authorization: Bearer abc.def", "< authorization: Bearer ***"),
        ("Authorization: Basic dXNlcjpwdw==", "Authorization: Basic ***"),
        ("GET /v1/sessions/abc/offer", "GET /v1/sessions/abc/offer"),
        ("the key vak_secret_aB3_x9Y is new", "the key vak_secret_*** is new"),
        ("vat_abc.d-e_f and vrt_abc", "vat_*** and vrt_***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_tokens_are_masked_and_nothing_else(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


def test_a_record_is_masked_whether_the_token_is_in_its_text_or_its_arguments() -> None:
    record = logging.LogRecord(
        "uvicorn.error",
        logging.INFO,
        "",
        0,
        '%s - "WebSocket %s" 403',
        ("127.0.0.1", "/ws?token=abc"),
        None,
    )
    assert ServerLogFilter().filter(record)
    assert record.getMessage() == '127.0.0.1 - "WebSocket /ws?token=***" 403'


def test_the_servers_loggers_are_filtered_once() -> None:
    server_logger = logging.getLogger("uvicorn.error")
    before = list(server_logger.filters)
    try:
        filter_server_logs()
        filter_server_logs()
        added = [each for each in server_logger.filters if isinstance(each, ServerLogFilter)]
        assert len(added) == 1
    finally:
        server_logger.filters[:] = before


def test_the_servers_false_alarm_does_not_pass() -> None:
    text = "ASGI callable returned without completing handshake."
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, text, None, None)
    assert not ServerLogFilter().filter(record)
