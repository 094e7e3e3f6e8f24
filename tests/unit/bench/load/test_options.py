import pytest

from voice_agent.bench.load.options import Options
from voice_agent.bench.load.servers import ServerName
from voice_agent.client.signalling import TransportName


def options(servers: str = "ours", transports: str = "webrtc", calls: str = "") -> Options:
    return Options.of(
        servers=servers,
        transports=transports,
        calls=calls,
        max_calls=8,
        seconds=5.0,
        floor=False,
        processes=1,
        short_calls=0,
        seed=1,
    )


def test_names_and_numbers_are_written_with_commas() -> None:
    found = options("plain, ours,plain", "webrtc", "1, 4,8")
    assert found.servers == (ServerName.PLAIN, ServerName.OURS)
    assert found.transports == (TransportName.WEBRTC,)
    assert found.calls == (1, 4, 8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"servers": "theirs"}, "there is no server 'theirs'; there is ours and plain"),
        ({"transports": "smoke"}, "there is no transport 'smoke'; there is webrtc and websocket"),
        ({"servers": ","}, "name a server: ours or plain"),
        ({"calls": "1,many"}, "'1,many' is no list of numbers of calls; 1,4,8 is one"),
        ({"calls": "0"}, "'0' is no list of numbers of calls"),
    ],
)
def test_what_is_none_is_told_with_what_would_be_right(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options(**wrong)
