from itertools import islice

import pytest

from voice_agent.client.coming_back import CONNECTION_LOST, may_come_back, pauses


@pytest.mark.parametrize("code", [1006, 1011, 1012, 1013])
def test_a_lost_or_restarting_server_is_come_back_to(code: int) -> None:
    assert may_come_back("whatever", code, None)


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1008, 4408, 4409, 4410, 4411, 4412])
def test_an_end_in_order_is_an_end(code: int) -> None:
    assert not may_come_back(CONNECTION_LOST, code, None)


@pytest.mark.parametrize(
    ("reason", "words", "comes"),
    [
        (CONNECTION_LOST, None, True),
        ("the server closed the connection", None, False),
        ("the server closed the connection", "the server is stopping, connect again", True),
        ("the server closed the connection", "no capacity for this call, try again later", True),
        ("the server closed the connection", "a newer connection took the session over", False),
        (CONNECTION_LOST, "the session was idle for too long", False),
    ],
)
def test_over_webrtc_the_servers_words_count(reason: str, words: str | None, comes: bool) -> None:
    assert may_come_back(reason, None, words) is comes


def test_pauses_grow_up_to_a_bound() -> None:
    some = list(islice(pauses(), 12))
    assert some[0] < 0.2
    assert 1.0 < some[-1] <= 2.6
