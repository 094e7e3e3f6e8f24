"""The settings: one frozen, typed object. A variable is `VOICE_AGENT_` and the name of a field."""

import hashlib
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from voice_agent.config_values import (
    check_announced_address,
    check_host_name,
    check_http_url,
    check_ice_url,
    check_origin,
    check_turn_url,
    parse_pool_sizes,
    read_port_range,
    split_ice_servers,
    split_list,
    upper,
)
from voice_agent.core.errors import SettingsError
from voice_agent.core.service_pool import PoolSizes
from voice_agent.transports.webrtc.udp_ports import PortRange

if TYPE_CHECKING:
    from voice_agent.services.provider import ProviderOptions, Stage

PREFIX = "VOICE_AGENT_"
EMBEDDED = "embedded"
_MADE_UP_NAME = 8
"""Characters of a server's name that nobody has chosen."""

TransportName = Literal["webrtc", "websocket"]
LogLevel = Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

Port = Annotated[int, Field(ge=0, le=65_535, examples=["7860"])]
HttpUrl = Annotated[str, AfterValidator(check_http_url)]
IpAddress = Annotated[str, AfterValidator(check_announced_address)]
HomePath = Annotated[Path, AfterValidator(Path.expanduser)]
Sizes = Annotated[
    PoolSizes | None,
    NoDecode,
    BeforeValidator(parse_pool_sizes),
    Field(examples=["minimum=1,maximum=8,idle_s=60"]),
]
Streams = Annotated[int | None, Field(ge=1, le=100_000, examples=["20"])]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_list)]


class IceServer(BaseModel):
    """A STUN or TURN server that clients and this server may use to find each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: Annotated[
        tuple[Annotated[str, AfterValidator(check_ice_url)], ...],
        BeforeValidator(split_list),
        Field(min_length=1),
    ]
    username: str | None = None
    credential: SecretStr | None = None

    @model_validator(mode="after")
    def _turn_has_credentials(self) -> Self:
        wants = any(url.startswith("turn") for url in self.urls)
        if wants and (self.username is None or self.credential is None):
            raise ValueError(
                "a TURN server needs a username and a credential; write it as JSON: "
                '[{"urls": "turn:...", "username": "...", "credential": "..."}]'
            )
        return self


class Settings(BaseSettings):
    """What the operator chose. Built by `config_loading.load_settings`, or directly in tests.

    Constructing it reads neither the environment nor a file.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    host: Annotated[str, Field(min_length=1, examples=["127.0.0.1"])] = "127.0.0.1"
    port: Port = 7860
    """0 takes any free port."""
    workers: Annotated[int, Field(ge=1, le=256, examples=["4"])] = 1
    """How many processes take calls; with more than one a supervisor shares them out."""
    public_url: Annotated[HttpUrl | None, Field(examples=["https://voice.example.com"])] = None
    internal_url: Annotated[HttpUrl | None, Field(examples=["http://10.0.0.5:7860"])] = None
    """Where the other servers that share the database reach this one; None: there are no others."""
    server_name: Annotated[
        str | None,
        Field(max_length=32, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", examples=["berlin"]),
    ] = None
    tls: Annotated[str | None, Field(examples=["self-signed", "cert.pem,key.pem"])] = None
    device_port: Annotated[Port | None, Field(examples=["8765"])] = None

    profile: str = EMBEDDED
    stt_provider: str | None = None
    stt_model: str | None = None
    stt_base_url: HttpUrl | None = None
    stt_api_key: SecretStr | None = None
    stt_streams: Streams = None
    stt_pool: Sizes = None
    llm_provider: str | None = None
    llm_model: str | None = None
    llm_base_url: HttpUrl | None = None
    llm_api_key: SecretStr | None = None
    llm_streams: Streams = None
    tts_provider: str | None = None
    tts_model: str | None = None
    tts_base_url: HttpUrl | None = None
    tts_api_key: SecretStr | None = None
    tts_streams: Streams = None
    tts_voice: str | None = None
    phrase_cache_mb: Annotated[int, Field(ge=0, le=65_536, examples=["64"])] = 64
    """Megabytes of synthesised fixed phrases to keep; 0 keeps none."""
    openai_api_key: Annotated[SecretStr | None, Field(validation_alias="openai_api_key")] = None
    openai_base_url: Annotated[HttpUrl | None, Field(validation_alias="openai_base_url")] = None
    deepgram_api_key: Annotated[SecretStr | None, Field(validation_alias="deepgram_api_key")] = None
    cartesia_api_key: Annotated[SecretStr | None, Field(validation_alias="cartesia_api_key")] = None

    agents_dir: HomePath | None = None
    default_agent: str = "frontdesk"

    transports: Annotated[
        tuple[TransportName, ...],
        NoDecode,
        BeforeValidator(split_list),
        Field(min_length=1, examples=["webrtc,websocket"]),
    ] = ("webrtc", "websocket")
    ice_servers: Annotated[
        tuple[IceServer, ...],
        NoDecode,
        BeforeValidator(split_ice_servers),
        Field(examples=["stun:stun.example.com:3478"]),
    ] = ()
    turn_urls: Annotated[
        Names,
        AfterValidator(lambda urls: tuple(map(check_turn_url, urls))),
        Field(examples=["turn:turn.example.com:3478"]),
    ] = ()
    """TURN servers that take credentials made from `turn_secret`."""
    turn_secret: SecretStr | None = None
    turn_ttl: Annotated[int | None, Field(ge=60, le=31_536_000, examples=["86400"])] = None
    """Seconds for which such credentials hold; None: as long as the session's token."""
    ice_transport_policy: Literal["all", "relay"] = "all"
    """'relay': audio goes through TURN servers only."""
    udp_ports: Annotated[
        PortRange | None,
        NoDecode,
        BeforeValidator(read_port_range),
        Field(examples=["40000-40100"]),
    ] = None
    """The UDP ports that WebRTC may use here; None: any."""
    announced_address: Annotated[IpAddress | None, Field(examples=["203.0.113.5"])] = None
    """The address under which clients reach this machine, where it does not have it itself."""
    max_sessions: Annotated[int, Field(ge=1, le=100_000, examples=["50"])] = 50

    resume_window: Annotated[
        float, Field(ge=0, le=86_400, allow_inf_nan=False, examples=["60"])
    ] = 60.0
    """Seconds for which a session waits for its client after a lost connection."""

    auth: Literal["off", "required"] = "off"
    allow_unauthenticated: bool = False
    secret_key: Annotated[SecretStr | None, Field(min_length=32)] = None
    allowed_origins: Annotated[
        Names, AfterValidator(lambda names: tuple(map(check_origin, names)))
    ] = ()
    allowed_hosts: Annotated[
        Names, AfterValidator(lambda names: tuple(map(check_host_name, names)))
    ] = ()

    recordings: Literal["off", "allowed"] = "off"
    """Whether the calls of agents that say so are recorded."""
    data_dir: HomePath = Path("data")
    database_url: Annotated[
        SecretStr | None, Field(examples=["postgresql://user:password@host/voice"])
    ] = None
    """None: SQLite in the data directory."""
    redis_url: Annotated[SecretStr | None, Field(examples=["redis://host:6379/0"])] = None
    """Where running sessions are kept, instead of in the database."""
    webhook_allow_private: bool = False
    """Whether webhooks may be in private networks, and without TLS."""
    transcripts: Literal["keep", "discard"] = "keep"
    retention_days: Annotated[
        float | None, Field(gt=0, le=36_500, allow_inf_nan=False, examples=["30"])
    ] = None
    """After how many days a session that is over is removed; None: never."""
    log_level: Annotated[LogLevel, BeforeValidator(upper)] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return only what is passed in; `config_loading` brings environment and file."""
        return (init_settings,)

    @field_validator("transports")
    @classmethod
    def _once_each(cls, value: tuple[TransportName, ...]) -> tuple[TransportName, ...]:
        if len(set(value)) != len(value):
            raise ValueError("name each transport once")
        return value

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.device_port and self.device_port == self.port:
            raise ValueError(
                f"{PREFIX}DEVICE_PORT: {self.device_port} is also {PREFIX}PORT; "
                "give the device a port of its own"
            )
        return self

    @property
    def server(self) -> str | None:
        """This server's name among those that share the database; None: there are no others."""
        if self.internal_url is None:
            return None
        made_up = hashlib.sha256(self.internal_url.encode()).hexdigest()[:_MADE_UP_NAME]
        return self.server_name or made_up

    @model_validator(mode="after")
    def _servers_know_each_other(self) -> Self:
        if self.internal_url is not None and urlsplit(self.internal_url).path:
            raise ValueError(
                f"{PREFIX}INTERNAL_URL: give scheme, host and port alone: http://10.0.0.5:7860"
            )
        if self.internal_url is not None and self.secret_key is None:
            raise ValueError(
                f"{PREFIX}INTERNAL_URL: other servers must accept this one's tokens, and none can "
                f"read a key that it has made for itself; give all the same {PREFIX}SECRET_KEY"
            )
        if self.server_name is not None and self.internal_url is None:
            raise ValueError(
                f"{PREFIX}SERVER_NAME: a name is of use only to other servers; say how they reach "
                f"this one: {PREFIX}INTERNAL_URL=http://10.0.0.5:7860"
            )
        return self

    @model_validator(mode="after")
    def _turn_is_whole(self) -> Self:
        if self.turn_urls and self.turn_secret is None:
            raise ValueError(
                f"{PREFIX}TURN_URLS: the servers want credentials; set {PREFIX}TURN_SECRET to "
                "what they have as static-auth-secret. Those with a fixed user name and password "
                f"go into {PREFIX}ICE_SERVERS"
            )
        if not self.turn_urls and (self.turn_secret is not None or self.turn_ttl is not None):
            name = "TURN_TTL" if self.turn_secret is None else "TURN_SECRET"
            raise ValueError(
                f"{PREFIX}{name}: there is no server to use it for; name it in {PREFIX}TURN_URLS"
            )
        if self.turn_ttl is not None and self.turn_ttl <= self.resume_window:
            raise ValueError(
                f"{PREFIX}TURN_TTL: {self.turn_ttl} ends before a client that is lost may come "
                f"back; make it more than {PREFIX}RESUME_WINDOW ({self.resume_window:g}) and the "
                "longest session, or leave it out"
            )
        fixed = (url for server in self.ice_servers for url in server.urls)
        has_turn = self.turn_urls or any(url.startswith("turn") for url in fixed)
        if self.ice_transport_policy == "relay" and not has_turn:
            raise ValueError(
                f"{PREFIX}ICE_TRANSPORT_POLICY: 'relay' lets audio through TURN servers only, and "
                f"there is none; set {PREFIX}TURN_URLS and {PREFIX}TURN_SECRET, or say 'all'"
            )
        return self

    @model_validator(mode="after")
    def _open_only_when_told(self) -> Self:
        if self.allow_unauthenticated:
            return self
        if self.auth == "required" and self.device_port is not None:
            raise ValueError(
                f"{PREFIX}DEVICE_PORT: a device shows no credential, so with {PREFIX}AUTH="
                f"required nobody could call there. Give it none, or say "
                f"{PREFIX}ALLOW_UNAUTHENTICATED=true (--allow-unauthenticated) for this port"
            )
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(
                f"{PREFIX}HOST: '{self.host}' can be reached from other machines and anyone there "
                f"could talk to the agent, as {PREFIX}AUTH is 'off'. Use 127.0.0.1, ask who they "
                f"are with {PREFIX}AUTH=required (--auth required), or say "
                f"{PREFIX}ALLOW_UNAUTHENTICATED=true (--allow-unauthenticated) if that is intended"
            )
        return self

    @model_validator(mode="after")
    def _nothing_is_set_in_vain(self) -> Self:
        for stage in ("stt", "llm", "tts"):
            if self.profile != EMBEDDED or getattr(self, f"{stage}_provider") is not None:
                continue
            for setting in ("base_url", "api_key", "model"):
                if getattr(self, f"{stage}_{setting}") is not None:
                    name = f"{PREFIX}{stage.upper()}_{setting.upper()}"
                    raise ValueError(
                        f"{name}: the profile '{EMBEDDED}' asks no server and has no use for it; "
                        f"say who has: {PREFIX}{stage.upper()}_PROVIDER=openai"
                    )
        return self

    def provider(self, stage: "Stage") -> "tuple[str, ProviderOptions]":
        """Return the name of the provider of `stage` and what the settings say about it.

        The usual names (`OPENAI_API_KEY` and so on) count for the provider they belong to. The
        usual key is not sent to a base URL that was set for one stage: that may be anybody's.

        Raises:
            SettingsError: The profile is unknown.
        """
        from voice_agent.services.provider import ProviderOptions  # noqa: PLC0415 - takes 0.5 s
        from voice_agent.services.registry import PROFILES  # noqa: PLC0415

        if self.profile not in PROFILES:
            known = ", ".join(sorted(PROFILES))
            raise SettingsError(
                f"{PREFIX}PROFILE: there is no profile '{self.profile}'; choose one of {known}"
            )
        name: str = self._of(stage, "provider") or PROFILES[self.profile][stage]
        base_url: str | None = self._of(stage, "base_url")
        api_key: SecretStr | None = self._of(stage, "api_key")
        if base_url is None:
            base_url = getattr(self, f"{name}_base_url", None)
            api_key = api_key or getattr(self, f"{name}_api_key", None)
        return name, ProviderOptions(
            model=self._of(stage, "model"),
            base_url=base_url,
            api_key=api_key.get_secret_value() if api_key else None,
            voice=self._of(stage, "voice"),
            pool=self._pool_sizes(stage, name),
        )

    def _pool_sizes(self, stage: "Stage", provider: str) -> PoolSizes | None:
        from voice_agent.services.registry import PROVIDERS  # noqa: PLC0415

        sizes: PoolSizes | None = self._of(stage, "pool")
        entry = PROVIDERS[stage].get(provider)
        if sizes is not None and entry is not None and not entry.lends:
            raise SettingsError(
                f"{PREFIX}{stage.value.upper()}_POOL: '{provider}' has nothing that is lent to one "
                f"call at a time; {PREFIX}{stage.value.upper()}_STREAMS bounds how many use it"
            )
        return sizes

    def _of(self, stage: "Stage", setting: str) -> Any:
        return getattr(self, f"{stage.value}_{setting}", None)


def variable_name(field: str) -> str:
    """Return the name of the environment variable of the settings field `field`."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias).upper() if alias else PREFIX + field.upper()


def is_loopback(host: str) -> bool:
    """Return whether a server bound to `host` can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
