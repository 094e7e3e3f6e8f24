"""What clients send, and the short answers. Checked before anything else sees it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import to_json

from voice_agent.core.pages import MAX_CURSOR_LENGTH
from voice_agent.transports.base import TransportKind
from voice_agent.transports.factory import ClientAbilities, ClientKind
from voice_agent.transports.webrtc import ice_servers
from voice_agent.transports.webrtc.signaling import Answer, Candidate, Offer

MAX_CANDIDATES = 100
"""In one request; a browser finds some ten."""

AgentId = Annotated[str, Field(max_length=64, description="The agent to talk to.")]
AttemptId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="The connection attempt; connections of one attempt race.",
    ),
]


MAX_METADATA_BYTES = 16_384
MAX_METADATA_DEPTH = 20


def _check_metadata(value: dict[str, Any]) -> dict[str, Any]:
    if _depth(value) > MAX_METADATA_DEPTH:
        raise ValueError(f"lists and objects may be nested {MAX_METADATA_DEPTH} deep at most")
    text = to_json(value).decode()
    if "\\u0000" in text:
        raise ValueError("it holds a NUL character, which no database keeps")
    size = len(text.encode())
    if size > MAX_METADATA_BYTES:
        raise ValueError(f"metadata may have {MAX_METADATA_BYTES} bytes at most, this has {size}")
    return value


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


Metadata = Annotated[dict[str, Any], AfterValidator(_check_metadata)]
Variables = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=2000)]],
    Field(max_length=50),
]
SpokenText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


PageLimit = Annotated[int, Field(ge=1, le=200, description="How many to return at most.")]
Cursor = Annotated[
    Annotated[str, Field(max_length=MAX_CURSOR_LENGTH)] | None,
    Field(description="`next_cursor` of the page before."),
]


class TransportWish(StrEnum):
    """What a client may ask for."""

    AUTO = "auto"
    WEBRTC = "webrtc"
    WEBSOCKET = "websocket"

    @property
    def kind(self) -> TransportKind | None:
        """The transport, None when the server is to choose."""
        return None if self is TransportWish.AUTO else TransportKind(self.value)


class ClientCapabilities(BaseModel):
    """What the client can do."""

    model_config = ConfigDict(extra="forbid")

    webrtc: bool = Field(default=True, description="It can make a WebRTC peer connection.")
    websocket: bool = Field(default=True, description="It can open a WebSocket.")
    udp: bool | None = Field(
        default=None, description="UDP gets out of its network; null when it does not know."
    )
    microphone: bool = Field(default=True, description="It may use a microphone.")
    kind: ClientKind | None = Field(default=None, description="What kind of client it is.")

    def to_abilities(self) -> ClientAbilities:
        """Return them as the planning of transports takes them."""
        able = {TransportKind.WEBRTC: self.webrtc, TransportKind.WEBSOCKET: self.websocket}
        return ClientAbilities(
            transports=frozenset(kind for kind, can in able.items() if can),
            udp=self.udp,
            microphone=self.microphone,
            kind=self.kind,
        )


class SessionRequest(BaseModel):
    """The wish for a session."""

    model_config = ConfigDict(extra="forbid")

    agent: AgentId | None = Field(default=None, description="The default agent if not given.")
    transport: TransportWish = Field(
        default=TransportWish.AUTO, description="`auto` lets the server choose."
    )
    client: ClientCapabilities = Field(default_factory=ClientCapabilities)
    variables: Variables = Field(
        default_factory=dict, description="Fill the `{placeholders}` in the agent's words."
    )
    metadata: Metadata = Field(
        default_factory=dict, description="Your own notes on the session; nobody else's."
    )


class SayRequest(BaseModel):
    """Words for the agent to say."""

    model_config = ConfigDict(extra="forbid")

    text: SpokenText


class MessageRequest(BaseModel):
    """A turn of the user."""

    model_config = ConfigDict(extra="forbid")

    text: SpokenText


class StartRequest(BaseModel):
    """What official clients send to `/start`. Keys of other servers are ignored."""

    transport: Literal["webrtc", "websocket"] = "webrtc"
    agent: AgentId | None = None
    body: dict[str, Any] | None = Field(
        default=None, description="The application's own data; its `agent` counts as well."
    )

    @property
    def agent_id(self) -> str | None:
        """The agent that was asked for, beside `body` or in it."""
        inner = (self.body or {}).get("agent")
        return self.agent or (inner if isinstance(inner, str) else None)


class OfferRequest(BaseModel):
    """A WebRTC offer, as official clients send it."""

    sdp: Annotated[str, Field(min_length=1, description="The session description.")]
    type: Literal["offer"] = "offer"
    pc_id: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="The peer connection of an earlier answer."
    )
    restart_pc: bool | None = Field(
        default=None, description="Replace that peer connection by a new one."
    )
    attempt: AttemptId | None = None

    def to_offer(self) -> Offer:
        """Return it as the transport takes it."""
        return Offer(self.sdp, self.pc_id or None, bool(self.restart_pc), self.attempt)


class CandidateRequest(BaseModel):
    """One ICE candidate."""

    candidate: Annotated[str, Field(max_length=1000)]
    sdp_mid: Annotated[str, Field(max_length=64)] | None = None
    sdp_mline_index: Annotated[int, Field(ge=0, le=255)] | None = None


class CandidatesRequest(BaseModel):
    """Trickled ICE candidates, as official clients send them."""

    pc_id: Annotated[str, Field(min_length=1, max_length=200)]
    candidates: Annotated[list[CandidateRequest], Field(max_length=MAX_CANDIDATES)]

    def to_candidates(self) -> list[Candidate]:
        """Return them as the transport takes them."""
        return [Candidate(c.candidate, c.sdp_mid, c.sdp_mline_index) for c in self.candidates]


class AnswerResponse(BaseModel):
    """The answer to an offer."""

    sdp: str
    type: Literal["answer"] = "answer"
    pc_id: str = Field(description="The peer connection's id, for candidates and restarts.")

    @classmethod
    def of(cls, answer: Answer) -> "AnswerResponse":
        """Return it from what the transport says."""
        return cls(sdp=answer.sdp, pc_id=answer.pc_id)


class IceServer(BaseModel):
    """A STUN or TURN server, as browsers take it (`RTCIceServer`)."""

    model_config = ConfigDict(frozen=True)

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None

    @classmethod
    def of(cls, server: ice_servers.IceServer) -> "IceServer":
        """Return it from what the transport says."""
        return cls(urls=server.urls, username=server.username, credential=server.credential)


IceTransportPolicy = Annotated[
    Literal["all", "relay"],
    Field(description="`relay`: use TURN servers only (`RTCConfiguration.iceTransportPolicy`)."),
]


class WebRTCStep(BaseModel):
    """How to connect over WebRTC."""

    type: Literal["webrtc"] = "webrtc"
    offer_url: str = Field(description="POST the offer here, with the token as bearer.")
    ice_servers: list[IceServer]
    ice_transport_policy: IceTransportPolicy = "all"
    reason: str = Field(description="Why it stands where it stands.")


class WebSocketStep(BaseModel):
    """How to connect over WebSocket."""

    type: Literal["websocket"] = "websocket"
    url: str = Field(description="Open this; the token is in it.")
    reason: str = Field(description="Why it stands where it stands.")


class LeftOut(BaseModel):
    """A transport that is not worth trying."""

    type: TransportWish
    reason: str = Field(description="Why.")


class SessionInvitation(BaseModel):
    """A new session, and what to try, in order, to connect to it."""

    session_id: str
    token: str = Field(description="Lets into this session. Keep it secret.")
    expires_at: datetime
    resume_window_s: float = Field(
        description="How many seconds a lost session waits for its client to come back."
    )
    transports: list[WebRTCStep | WebSocketStep]
    left_out: list[LeftOut] = Field(description="What the server offers and would be in vain.")


class IceConfig(BaseModel):
    """The shape that official clients expect."""

    iceServers: list[IceServer]  # noqa: N815 - the official client's word
    iceTransportPolicy: IceTransportPolicy = "all"  # noqa: N815 - which it passes over


class WebRTCStart(BaseModel):
    """What `/start` answers for WebRTC."""

    sessionId: str = Field(  # noqa: N815 - the official client's word
        description="Goes into /sessions/{sessionId}/api/offer. It is the token: keep it secret."
    )
    iceConfig: IceConfig  # noqa: N815 - the official client's word


class WebSocketStart(BaseModel):
    """What `/start` answers for WebSocket; the official client takes no other keys."""

    wsUrl: str  # noqa: N815 - the official client's word
    token: str


class Status(BaseModel):
    """A word that all is well."""

    status: str
