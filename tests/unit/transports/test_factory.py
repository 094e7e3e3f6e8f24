import pytest

from voice_agent.core.errors import TransportUnavailableError
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import plan_transports

WEBRTC, WEBSOCKET = TransportKind.WEBRTC, TransportKind.WEBSOCKET


@pytest.mark.parametrize(
    ("wanted", "offered", "client_can", "planned"),
    [
        (None, (WEBRTC, WEBSOCKET), {WEBRTC, WEBSOCKET}, [WEBRTC, WEBSOCKET]),
        (None, (WEBSOCKET, WEBRTC), {WEBRTC, WEBSOCKET}, [WEBSOCKET, WEBRTC]),
        (None, (WEBRTC, WEBSOCKET), {WEBSOCKET}, [WEBSOCKET]),
        (WEBRTC, (WEBRTC, WEBSOCKET), {WEBRTC, WEBSOCKET}, [WEBRTC]),
        (WEBSOCKET, (WEBSOCKET,), {WEBSOCKET}, [WEBSOCKET]),
    ],
)
def test_the_plan_keeps_the_servers_order_and_the_clients_wish(
    wanted: TransportKind | None,
    offered: tuple[TransportKind, ...],
    client_can: set[TransportKind],
    planned: list[TransportKind],
) -> None:
    steps = plan_transports(wanted, offered, client_can=frozenset(client_can))
    assert [step.kind for step in steps] == planned
    assert all(step.reason for step in steps)


def test_a_wish_that_is_not_offered_is_refused_by_name() -> None:
    with pytest.raises(TransportUnavailableError, match=r"'webrtc'.*offered: websocket"):
        plan_transports(WEBRTC, (WEBSOCKET,))


def test_a_client_that_can_use_nothing_is_told_so() -> None:
    with pytest.raises(TransportUnavailableError, match="no transport"):
        plan_transports(None, (WEBRTC,), client_can=frozenset())
