import pytest

from voice_agent.transports.webrtc.turn_credentials import turn_credentials


@pytest.mark.parametrize(
    ("secret", "session_id", "expires_at", "username", "credential"),
    [
        # As `printf USERNAME | openssl dgst -sha1 -hmac SECRET -binary | base64` has them.
        (
            "north",
            "p0.Ab_c-9",
            1_700_000_000.9,
            "1700000000:p0.Ab_c-9",
            "Zu24BGxqaXCx7ap+j1b6xMQJm/M=",
        ),
        ("süden", "a", 0, "0:a", "fL0wX9AtGFgcdKhruWVABFPcSr8="),
    ],
)
def test_they_are_those_of_the_convention(
    secret: str, session_id: str, expires_at: float, username: str, credential: str
) -> None:
    made = turn_credentials(secret, session_id, expires_at)
    assert (made.username, made.credential) == (username, credential)
    assert credential not in repr(made)
