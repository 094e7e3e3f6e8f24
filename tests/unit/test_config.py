"""What the settings are, where they come from, and what is said when they are wrong."""

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from voice_agent.config import Settings, is_loopback, variable_name
from voice_agent.config_loading import (
    ENV_FILE_VARIABLE,
    Origin,
    displayed_value,
    load_settings,
    read_sources,
)
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import PoolSizes
from voice_agent.services.provider import ProviderOptions, Stage
from voice_agent.services.registry import PROFILES, names

ROOT = Path(__file__).resolve().parents[2]
TURN = '[{"urls": "turn:turn.example.com", "username": "u", "credential": "very-secret"}]'


PREFIXES = ("VOICE_AGENT_", "OPENAI_", "DEEPGRAM_", "CARTESIA_")


@pytest.fixture(autouse=True)
def clean_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)


def faults(**options: object) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(options)
    return str(caught.value).splitlines()


def test_without_any_source_the_defaults_hold() -> None:
    assert load_settings() == Settings()
    assert (Settings().host, Settings().port, Settings().profile) == ("127.0.0.1", 7860, "embedded")


def test_options_win_over_environment_and_environment_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text(
        "VOICE_AGENT_PORT=1\nVOICE_AGENT_DEFAULT_AGENT=file\nVOICE_AGENT_LOG_FORMAT=json\n"
        "SOMEBODY_ELSES=1\n"
    )
    monkeypatch.setenv("VOICE_AGENT_PORT", "2")
    monkeypatch.setenv("VOICE_AGENT_DEFAULT_AGENT", "environment")
    sources = read_sources({"port": 3})
    settings = load_settings({"port": 3})
    assert (settings.port, settings.default_agent, settings.log_format) == (
        3,
        "environment",
        "json",
    )
    assert [sources.origin(f) for f in ("port", "default_agent", "log_format", "host")] == [
        Origin.OPTION,
        Origin.ENVIRONMENT,
        Origin.ENV_FILE,
        Origin.DEFAULT,
    ]


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("VOICE_AGENT_PORT=1\n")
    monkeypatch.setenv("VOICE_AGENT_PORT", "")
    assert load_settings().port == 1


def test_the_file_may_be_somewhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other").write_text("VOICE_AGENT_PORT=5\n")
    Path(".env").write_text("VOICE_AGENT_PORT=1\n")
    monkeypatch.setenv(ENV_FILE_VARIABLE, "other")
    assert load_settings().port == 5


def test_a_file_that_was_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV_FILE_VARIABLE, "nowhere")
    assert faults() == ["VOICE_AGENT_ENV_FILE: there is no file 'nowhere'"]


def test_a_file_that_is_no_text_is_reported() -> None:
    Path(".env").write_bytes(b"VOICE_AGENT_PORT=\xff\xfe")
    assert faults() == [
        "VOICE_AGENT_ENV_FILE: '.env' cannot be read (it is not UTF-8 text); mend or remove it"
    ]


def test_every_fault_gets_one_line_that_names_what_was_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("VOICE_AGENT_PORT=seventy\n")
    monkeypatch.setenv("VOICE_AGENT_LOG_FORMAT", "xml")
    assert faults(device_port=70000) == [
        "VOICE_AGENT_PORT (in .env): 'seventy' is not a whole number; for example 7860",
        "--device-port: '70000' must be at most 65535; for example 8765",
        "VOICE_AGENT_LOG_FORMAT: 'xml' is not known; choose 'text' or 'json'",
    ]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("port", "-1", "'-1' must be at least 0"),
        ("port", "1.5", "'1.5' is not a whole number"),
        ("public_url", "voice.example.com", "is not a URL such as https://"),
        ("public_url", "https://x:99999", "is not a URL such as"),
        ("llm_base_url", "https://x/v1?key=1", "must be a URL without '?'"),
        ("max_sessions", "0", "must be at least 1"),
        ("resume_window", "soon", "'soon' is not a number; for example 60"),
        ("resume_window", "nan", "'nan' is not a number"),
        ("transports", "webrtc,tcp", "'tcp' is not known; choose 'webrtc' or 'websocket'"),
        ("transports", "webrtc,webrtc", "name each transport once"),
        ("transports", ",", "needs at least 1 entry"),
        ("auth", "on", "'on' is not known; choose 'off' or 'required'"),
        ("allow_unauthenticated", "perhaps", "must be true or false"),
        ("secret_key", "short", "needs at least 32 characters"),
        ("allowed_origins", "*", "is not a URL such as"),
        ("allowed_origins", "https://*.example.com", "is not an origin such as"),
        ("allowed_origins", "https://example.com/page", "is not an origin such as"),
        ("allowed_hosts", "https://example.com", "is not a host name such as"),
        ("allowed_hosts", "example.com:80", "is not a host name such as"),
        ("log_level", "loud", "'LOUD' is not known"),
        ("ice_servers", "http://example.com", "is not an address such as stun:"),
        ("ice_servers", "turn:turn.example.com", "a TURN server needs a username"),
        ("ice_servers", '[{"url": 1}', "begins like JSON but cannot be parsed"),
        ("ice_servers", '["stun:a"]', "dictionary or instance of IceServer"),
        ("ice_servers", "stun:a?transport=udp", "only turn: and turns: take ?transport="),
        ("turn_urls", "stun:stun.example.com", "is no TURN server, which begins with turn:"),
        ("turn_urls", "turn.example.com", "is not an address such as stun:"),
        ("turn_ttl", "59", "'59' must be at least 60; for example 86400"),
        ("turn_ttl", "a day", "'a day' is not a whole number"),
        ("ice_transport_policy", "turn", "'turn' is not known; choose 'all' or 'relay'"),
        ("udp_ports", "40000", "'40000' is not a range of ports such as 40000-40100"),
        ("udp_ports", "40100-40000", "the lower one first"),
        ("announced_address", "voice.example.com", "is not an IP address such as 203.0.113.5"),
        ("announced_address", "0.0.0.0", "is nobody's address"),
    ],
)
def test_a_bad_value_is_explained(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable_name(field), value)
    (line,) = faults()
    assert line.startswith(f"VOICE_AGENT_{field.upper()}: ")
    assert message in line


def test_a_misspelled_setting_is_answered_with_the_right_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("VOICE_AGENT_TRANSPORT=webrtc\n")
    monkeypatch.setenv("VOICE_AGENT_XYZZY", "1")
    monkeypatch.setenv("VOICE_AGENT_PORT_7860_TCP_ADDR", "10.0.0.1")
    assert sorted(faults()) == [
        (
            "VOICE_AGENT_PORT_7860_TCP_ADDR: there is no such setting; Kubernetes sets it for a "
            "service of that name: say enableServiceLinks: false"
        ),
        (
            "VOICE_AGENT_TRANSPORT (in .env): there is no such setting; "
            "did you mean VOICE_AGENT_TRANSPORTS?"
        ),
        "VOICE_AGENT_XYZZY: there is no such setting; .env.template lists all settings",
    ]


def test_lists_are_read_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_TRANSPORTS", "websocket, webrtc")
    monkeypatch.setenv("VOICE_AGENT_ALLOWED_ORIGINS", "https://Shop.example.com/,http://[::1]:80")
    monkeypatch.setenv("VOICE_AGENT_ALLOWED_HOSTS", "Voice.example.com,[::1],10.0.0.1")
    settings = load_settings()
    assert settings.transports == ("websocket", "webrtc")
    assert settings.allowed_origins == ("https://shop.example.com", "http://[::1]:80")
    assert settings.allowed_hosts == ("voice.example.com", "::1", "10.0.0.1")


def test_ice_servers_are_urls_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_ICE_SERVERS", "stun:a:3478, stun:b:3478")
    assert [server.urls for server in load_settings().ice_servers] == [
        ("stun:a:3478",),
        ("stun:b:3478",),
    ]
    monkeypatch.setenv("VOICE_AGENT_ICE_SERVERS", TURN)
    (server,) = load_settings().ice_servers
    assert server.credential is not None
    assert (server.username, server.credential.get_secret_value()) == ("u", "very-secret")


def test_turn_servers_with_a_secret_are_a_list_of_addresses() -> None:
    settings = load_settings(
        {"turn_urls": "turn:a:3478, turns:a", "turn_secret": "s", "udp_ports": "40000-40100"}
    )
    assert settings.turn_urls == ("turn:a:3478", "turns:a")
    assert displayed_value(settings, "turn_urls") == "turn:a:3478, turns:a"
    assert displayed_value(settings, "udp_ports") == "40000-40100"


@pytest.mark.parametrize(
    ("chosen", "fault"),
    [
        ({"turn_urls": "turn:a"}, "TURN_URLS: the servers want credentials; set VOICE_AGENT_TURN_"),
        ({"turn_secret": "s"}, "TURN_SECRET: there is no server to use it for; name it in VOICE"),
        ({"turn_ttl": 600}, "TURN_TTL: there is no server to use it for"),
        (
            {"turn_urls": "turn:a", "turn_secret": "s", "turn_ttl": 60},
            "TURN_TTL: 60 ends before a client that is lost may come back; make it more than",
        ),
        ({"ice_transport_policy": "relay"}, "ICE_TRANSPORT_POLICY: 'relay' lets audio through"),
        (
            {"ice_transport_policy": "relay", "ice_servers": "stun:a"},
            "ICE_TRANSPORT_POLICY: 'relay' lets audio through TURN servers only, and there is none",
        ),
    ],
)
def test_half_a_turn_server_is_refused_with_the_mend(chosen: dict[str, object], fault: str) -> None:
    (line,) = faults(**chosen)
    assert line.startswith(f"VOICE_AGENT_{fault}")


@pytest.mark.parametrize(
    "turn", [{"ice_servers": TURN}, {"turn_urls": "turn:a", "turn_secret": "s"}]
)
def test_relaying_only_takes_any_turn_server(turn: dict[str, object]) -> None:
    settings = load_settings({"ice_transport_policy": "relay", **turn})
    assert settings.ice_transport_policy == "relay"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "voice.example.com"])
def test_a_host_beyond_this_machine_needs_to_be_named(host: str) -> None:
    (line,) = faults(host=host)
    assert line.startswith(f"VOICE_AGENT_HOST: '{host}' can be reached from other machines")
    assert "--allow-unauthenticated" in line
    assert "--auth required" in line
    assert load_settings({"host": host, "allow_unauthenticated": True}).host == host
    assert load_settings({"host": host, "auth": "required"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LOCALHOST"])
def test_loopback_needs_nothing(host: str) -> None:
    assert is_loopback(host)
    assert load_settings({"host": host}).host == host


def test_a_device_that_nobody_asks_is_let_in_by_name_only() -> None:
    (line,) = faults(auth="required", device_port=8765)
    assert line.startswith("VOICE_AGENT_DEVICE_PORT: a device shows no credential")
    chosen = {"auth": "required", "device_port": 8765, "allow_unauthenticated": True}
    assert load_settings(chosen).device_port == 8765


def test_what_calls_show_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_KEY", "vak_x")
    assert load_settings() == Settings()


def test_the_device_needs_a_port_of_its_own() -> None:
    assert faults(port=7000, device_port=7000) == [
        "VOICE_AGENT_DEVICE_PORT: 7000 is also VOICE_AGENT_PORT; give the device a port of its own"
    ]
    assert load_settings({"port": 0, "device_port": 0}).device_port == 0


def test_a_server_among_several_has_a_name_and_shares_its_secret() -> None:
    alone = load_settings({})
    assert (alone.internal_url, alone.server) == (None, None)
    among = {"internal_url": "http://10.0.0.5:7860", "secret_key": "k" * 32}
    assert load_settings({**among, "server_name": "berlin-2"}).server == "berlin-2"
    made_up = {load_settings({**among, "internal_url": f"http://10.0.0.{n}"}).server for n in "12"}
    assert len(made_up) == 2
    assert all(re.fullmatch(r"[0-9a-f]{8}", str(name)) for name in made_up)
    assert "SECRET_KEY" in faults(internal_url="http://10.0.0.5:7860")[0]
    assert "alone" in faults(**{**among, "internal_url": "http://10.0.0.5:7860/voice"})[0]
    assert "INTERNAL_URL" in faults(server_name="berlin")[0]
    for wrong in ("Berlin", "a.b", "-a", "a--b", "x" * 33):
        assert "server-name" in faults(**among, server_name=wrong)[0]


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_PROFILE", "cloud")
    monkeypatch.setenv("VOICE_AGENT_STT_API_KEY", "very-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    monkeypatch.setenv("VOICE_AGENT_SECRET_KEY", "very-secret" * 3)
    monkeypatch.setenv("VOICE_AGENT_LLM_BASE_URL", "https://user:very-secret@example.com/v1")
    monkeypatch.setenv("VOICE_AGENT_ICE_SERVERS", TURN)
    monkeypatch.setenv("VOICE_AGENT_TURN_URLS", "turn:a")
    monkeypatch.setenv("VOICE_AGENT_TURN_SECRET", "very-secret")
    settings = load_settings()
    assert "very-secret" not in repr(settings.model_copy(update={"llm_base_url": None}))
    shown = {field: displayed_value(settings, field) for field in Settings.model_fields}
    assert "very-secret" not in str(shown)
    assert shown["llm_base_url"] == "https://***@example.com/v1"
    assert shown["openai_api_key"] == "********"


def test_a_fault_beside_a_secret_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_AGENT_SECRET_KEY", "very-secret")
    monkeypatch.setenv("VOICE_AGENT_ICE_SERVERS", TURN.replace("username", "user"))
    monkeypatch.setenv("VOICE_AGENT_TURN_URLS", "turn:user:very-secret@a")
    monkeypatch.setenv("VOICE_AGENT_TURN_SECRET", "very-secret")
    monkeypatch.setenv("VOICE_AGENT_TTS_BASE_URL", "ftp://user:very-secret@example.com")
    assert "very-secret" not in "\n".join(faults())


def test_what_is_displayed_can_be_typed_again() -> None:
    settings = Settings(transports=("websocket",), allow_unauthenticated=True)
    assert displayed_value(settings, "transports") == "websocket"
    assert displayed_value(settings, "allow_unauthenticated") == "true"
    assert displayed_value(settings, "public_url") == ""


def test_the_profile_names_the_providers_and_each_can_be_set_alone() -> None:
    settings = Settings(tts_provider="openai", tts_voice="nova", tts_model="m")
    found = [settings.provider(stage)[0] for stage in Stage]
    assert found == [PROFILES["embedded"][Stage.STT], PROFILES["embedded"][Stage.LLM], "openai"]
    assert settings.provider(Stage.TTS)[1] == ProviderOptions(model="m", voice="nova")
    with pytest.raises(SettingsError, match=r"^VOICE_AGENT_PROFILE: there is no .* embedded"):
        Settings(profile="nothing").provider(Stage.STT)


@pytest.mark.parametrize("field", ["llm_base_url", "tts_api_key", "stt_model"])
def test_what_the_embedded_profile_would_ignore_is_refused(field: str) -> None:
    value = {field: "http://127.0.0.1:1/v1"}
    provider = f"VOICE_AGENT_{field[:3].upper()}_PROVIDER=openai"
    (line,) = faults(**value)
    assert line.startswith(f"VOICE_AGENT_{field.upper()}: the profile 'embedded' asks no server")
    assert line.endswith(provider)
    assert load_settings(value | {"profile": "cloud"}).profile == "cloud"
    assert load_settings(value | {f"{field[:3]}_provider": "openai"}).profile == "embedded"


def test_the_usual_names_count_for_their_provider() -> None:
    usual = SecretStr("usual")
    settings = Settings(
        stt_provider="deepgram",
        llm_provider="openai",
        openai_api_key=usual,
        openai_base_url="https://example.com/v1",
        deepgram_api_key=SecretStr("deep"),
    )
    assert settings.provider(Stage.STT)[1] == ProviderOptions(api_key="deep")
    assert settings.provider(Stage.LLM)[1] == ProviderOptions(
        api_key="usual", base_url="https://example.com/v1"
    )
    own = Settings(llm_provider="openai", llm_api_key=SecretStr("own"), openai_api_key=usual)
    assert own.provider(Stage.LLM)[1].api_key == "own"
    assert Settings(openai_api_key=usual).provider(Stage.LLM)[1].api_key is None


def test_the_usual_key_is_not_sent_to_a_server_set_for_one_stage() -> None:
    settings = Settings(
        llm_provider="openai",
        llm_base_url="http://127.0.0.1:11434/v1",
        openai_api_key=SecretStr("usual"),
    )
    assert settings.provider(Stage.LLM)[1] == ProviderOptions(base_url="http://127.0.0.1:11434/v1")


def test_pool_sizes_reach_the_provider_and_can_be_typed_again() -> None:
    settings = load_settings({"stt_pool": "minimum=1, maximum=8,idle_s=2.5"})
    sizes = PoolSizes(minimum=1, maximum=8, idle_s=2.5)
    assert settings.provider(Stage.STT)[1].pool == sizes
    assert displayed_value(settings, "stt_pool") == "minimum=1,maximum=8,idle_s=2.5"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("size=3", "'size=3' is not one of minimum, maximum, idle_s, max_age_s, waiters"),
        ("minimum=1,minimum=2", "'minimum=2' is not one of"),
        ("maximum=0", "maximum: '0' is not a whole number of at least 1"),
        ("maximum=2.5", "maximum: '2.5' is not a whole number"),
        ("idle_s=nan", "idle_s: 'nan' is not a number of seconds of at least 0"),
        ("minimum=3,maximum=2", "minimum=3,maximum=2: the maximum must be at least 1 and not"),
    ],
)
def test_pool_sizes_that_cannot_be_are_refused(text: str, fault: str) -> None:
    (line,) = faults(stt_pool=text)
    assert line.startswith(f"--stt-pool: {fault}")


def test_sizes_for_a_provider_that_lends_nothing_are_refused() -> None:
    settings = load_settings({"stt_pool": "maximum=8", "stt_provider": "openai"})
    with pytest.raises(SettingsError, match=r"STT_POOL: 'openai' has nothing .*_STREAMS bounds"):
        settings.provider(Stage.STT)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_the_template_has_every_setting_with_its_default() -> None:
    template = (ROOT / ".env.template").read_text()
    written = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", template, re.MULTILINE))
    defaults = Settings()
    expected = {
        variable_name(field): displayed_value(defaults, field).replace(", ", ",")
        for field in Settings.model_fields
    }
    assert written == expected


def test_the_template_names_every_profile_and_provider() -> None:
    template = (ROOT / ".env.template").read_text()
    known = {*PROFILES, *(name for stage in Stage for name in names(stage))}
    assert [name for name in sorted(known) if f"'{name}'" not in template] == []


@pytest.mark.parametrize("name", [".env.template", ".env.dev", ".env.test"])
def test_the_shipped_files_are_valid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(ENV_FILE_VARIABLE, str(ROOT / name))
    assert load_settings().profile == "embedded"
