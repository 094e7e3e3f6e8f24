from collections.abc import Mapping

import pytest

from voice_agent.core.errors import SettingsError
from voice_agent.transports.webrtc import known_aioice
from voice_agent.transports.webrtc.known_aioice import require_known_aioice


def test_the_installed_versions_are_known() -> None:
    require_known_aioice()


def test_another_version_is_refused_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_aioice, "version", {"aioice": "0.14.0", "aiortc": "1.17.0"}.get)
    with pytest.raises(SettingsError, match=r"^VOICE_AGENT_ICE_SERVERS, .* need aioice") as raised:
        require_known_aioice()
    assert "here are aioice 0.14.0 and aiortc 1.17.0." in str(raised.value)
    assert str(raised.value).endswith("pip install 'aioice>=0.13.0,<0.14' 'aiortc>=1.16,<2'")


@pytest.mark.parametrize(
    ("table", "path", "names"),
    [
        ("PARAMETERS", "aioice.ice:relayed_candidate", ("turn_server",)),
        ("PARAMETERS", "aioice.ice:moved", ()),
        ("PARAMETERS", "aioice.nowhere:Connection", ()),
        ("ATTRIBUTES", "aioice.ice:Connection", ("_protocols", "_moved")),
        ("ATTRIBUTES", "aioice.ice:Moved", ()),
    ],
)
def test_what_looks_otherwise_inside_is_named(
    monkeypatch: pytest.MonkeyPatch, table: str, path: str, names: tuple[str, ...]
) -> None:
    known: Mapping[str, tuple[str, ...]] = getattr(known_aioice, table)
    monkeypatch.setattr(known_aioice, table, {**known, path: names})
    with pytest.raises(SettingsError, match=rf"\(differing: {path}\)"):
        require_known_aioice()
