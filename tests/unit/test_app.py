import pytest

from voice_agent.app import application
from voice_agent.config import Settings
from voice_agent.core.errors import SettingsError
from voice_agent.transports.webrtc import known_aioice


async def test_an_aioice_that_is_not_known_stops_only_who_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known_aioice, "AIOICE", "0.12.")
    with pytest.raises(SettingsError, match=r"_UDP_PORTS .* need aioice 0\.12\.x"):
        async with application(Settings.model_validate({"udp_ports": "40000-40100"})):
            pytest.fail("it started")
    # One that needs no aioice gets on to what is wrong otherwise.
    with pytest.raises(SettingsError, match="DEFAULT_AGENT"):
        async with application(Settings(default_agent="nobody")):
            pytest.fail("it started")
