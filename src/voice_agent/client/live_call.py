"""One call to a voice agent server, live: what the page does, without a page."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from voice_agent.client import rtvi
from voice_agent.client.connector import Connector, Destination
from voice_agent.client.errors import (
    CallDroppedError,
    CallError,
    CallTimeoutError,
    ServerUnreachableError,
)
from voice_agent.client.events import (
    BotInterrupted,
    BotReady,
    ConnectionLost,
    Disconnected,
    Reconnected,
    UserStartedSpeaking,
)
from voice_agent.client.heard import HeardAudio
from voice_agent.client.losses import SILENT_AFTER_S
from voice_agent.client.media import Media
from voice_agent.client.microphone import Microphone, MicrophonePacket, Utterance
from voice_agent.client.reconnecting import Reconnection
from voice_agent.client.recording import bot_side, user_side, write_wav
from voice_agent.client.signalling import Invitation, TransportName
from voice_agent.client.speech import Speech, room_noise
from voice_agent.client.waiting import CallEvents


class Call(CallEvents):
    """A call, as an asynchronous context manager: inside it, the bot is there and hears.

    Args:
        url: The server's address.
        transport: The transport to use; None tries what the server offers, in its order.
        agent: The agent's id; None for the server's default.
        timeout_s: For each step of connecting, in seconds.
        microphone: False for a caller whose microphone gives nothing at all, not even silence.
        announce: False for a client that connects and never says that it is ready.
        keep_samples: False to keep no samples of what is received, only when it was audible.
        verify_tls: False to accept any certificate, a self-signed one for instance.
        key: What the server asks for, if it does: a key that may start sessions.
        invitation: That of an earlier call, to come back to its session; None for a new session.
        reconnect_s: How long to try to come back when the connection is lost, in seconds; with 0
            that ends the call.
        clock: Monotonic seconds; all times of a call are its.

    Attributes:
        heard: What the listener hears of the bot, with its times.
        started_at: When connecting began; NaN before, as are the other two.
        connected_at: When the connection was open.
        ready_at: When the bot was ready.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: TransportName | None = None,
        agent: str | None = None,
        timeout_s: float = 10.0,
        microphone: bool = True,
        announce: bool = True,
        keep_samples: bool = True,
        verify_tls: bool = True,
        key: str | None = None,
        invitation: Invitation | None = None,
        reconnect_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock)
        self._destination = Destination(
            url,
            transport,
            agent,
            timeout_s,
            verify_tls,
            invitation,
            silence_s=SILENT_AFTER_S if reconnect_s > 0 else None,
            key=key,
        )
        self._connector = Connector(self._destination, clock)
        self._reconnection = (
            Reconnection(reconnect_s, self._reconnect, self._give_up) if reconnect_s > 0 else None
        )
        self._may_reconnect = False
        self._failure: CallError | None = None
        self._has_microphone = microphone
        self._announce = announce
        self._keep_samples = keep_samples
        self._microphone = Microphone()
        self._rtvi = rtvi.RtviReader()
        self._identifiers = (str(number) for number in count(1))
        self._media: Media | None = None
        self.heard = HeardAudio(1)
        self.started_at = math.nan
        self.connected_at = math.nan
        self.ready_at = math.nan

    async def __aenter__(self) -> Self:
        """Connects; see `connect`."""
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hangs up."""
        await self.close()

    @property
    def invitation(self) -> Invitation | None:
        """What the server answered to the wish for a session; None before it did."""
        return self._connector.invitation

    @property
    def session_id(self) -> str | None:
        """The session's id, None before the server gave one."""
        invitation = self._connector.invitation
        return invitation.session_id if invitation else None

    @property
    def transport(self) -> TransportName | None:
        """The transport in use, or last tried; None before there was one."""
        return self._media.name if self._media else None

    @property
    def utterances(self) -> tuple[Utterance, ...]:
        """All that the caller has said, or is to say, in order."""
        return tuple(self._microphone.utterances)

    @property
    def attempts(self) -> list[tuple[TransportName, CallError]]:
        """The transports that were tried in vain, with the reason."""
        return self._connector.attempts

    async def connect(self) -> None:
        """Asks for a session, connects to it and waits until the bot is ready.

        Raises:
            CallRefusedError: The server said no, or does not offer the transport.
            ServerUnreachableError: It does not answer, or no transport gets through.
            CallDroppedError: It hung up before the bot was ready.
            CallTimeoutError: The bot was not ready in time.
        """
        self.started_at = self._clock()
        try:
            await asyncio.to_thread(_encode, room_noise(), self._destination.transport)
            media = await self._connector.connect(self, self._try_media)
            self.connected_at = self._clock()
            if self._announce:
                await media.send_message(rtvi.client_ready(next(self._identifiers)))
            await media.start(self._has_microphone)
            if self._announce:
                ready = await self.wait_for(BotReady, self._destination.timeout_s, after=0)
                self.ready_at = ready.at
            self._may_reconnect = self._reconnection is not None
        except BaseException:
            await self.close()
            raise

    async def say(self, speech: Speech) -> Utterance:
        """Begins to say something, behind what is being said already.

        While the connection is lost it waits; what was begun before goes on, heard by nobody.

        Returns:
            Its utterance, to wait on.

        Raises:
            CallDroppedError: The call is over.
        """
        await asyncio.to_thread(_encode, speech, self.transport)
        await self._connected()
        return self._microphone.say(speech)

    async def speak(self, speech: Speech) -> Utterance:
        """Says something and waits until its last voiced sample is out.

        Returns:
            Its utterance, with onset and end.

        Raises:
            CallDroppedError: The call ended first.
        """
        utterance = await self.say(speech)
        await utterance.voice_ended()
        return utterance

    async def type_text(self, text: str) -> float:
        """Sends a typed turn; while the connection is lost it waits.

        Returns:
            When it went out, in monotonic seconds.

        Raises:
            CallDroppedError: The call is over.
        """
        await self._connected()
        # Before sending: an answer from memory can begin before a busy client comes back from it.
        sent_at = self._clock()
        await self.send_message(rtvi.send_text(next(self._identifiers), text))
        return sent_at

    async def send_message(self, message: Mapping[str, Any]) -> None:
        """Sends any JSON message, well-formed RTVI or not; nothing once the call is over."""
        if self._media is not None:
            await self._media.send_message(message)

    async def close(self) -> None:
        """Hangs up as a well-behaved client does. May be called twice."""
        self._end(Disconnected(self._clock(), "the caller hung up", by_caller=True))
        await self._stop_reconnecting()
        await self._connector.close()

    async def abort(self, *, silently: bool = False) -> None:
        """Is gone without a goodbye: TCP is cut without a close frame, UDP falls silent.

        Args:
            silently: Leaves the TCP connection open and dead instead, as a lost network does; it
                is freed by `close`.
        """
        self._end(Disconnected(self._clock(), "the caller vanished", by_caller=True))
        await self._stop_reconnecting()
        if self._media is not None:
            await self._media.abort(silently=silently)

    def write_bot(self, path: Path) -> None:
        """Writes what was heard of the bot, from the connection on: mono, 24 kHz.

        Raises:
            OSError: The file cannot be written.
        """
        write_wav(path, bot_side(self.heard.played, self.heard.sample_rate, self.connected_at))

    def write_both(self, path: Path) -> None:
        """Writes both sides, the caller left and the bot right: stereo, 24 kHz.

        Raises:
            OSError: The file cannot be written.
        """
        user = user_side(self._microphone.utterances, self.connected_at)
        bot = bot_side(self.heard.played, self.heard.sample_rate, self.connected_at)
        write_wav(path, user, bot)

    def microphone_packet(self, at: float) -> MicrophonePacket:
        """Returns the 20 ms to send now; asked by the transport."""
        return self._microphone.next_packet(at)

    def audio_arrived(
        self, at: float, samples: npt.NDArray[np.int16], placed_at: float | None
    ) -> None:
        """Takes bot audio from the transport."""
        if self._media is not None and self._media.is_buffered:
            self.heard.queue(at, samples)
        else:
            self.heard.add(at, samples, placed_at)

    def message_arrived(self, at: float, message: Any) -> None:
        """Takes a message from the transport."""
        event = self._rtvi.read(message, at)
        if event is None:
            return
        if isinstance(event, BotInterrupted | UserStartedSpeaking):
            self.interruption_arrived(at)
        self.tell(event)

    def interruption_arrived(self, at: float) -> None:
        """Takes an interruption from the transport: a player drops what it has not played."""
        if self._media is not None and self._media.is_buffered:
            self.heard.interrupt(at)

    def connection_ended(
        self, at: float, reason: str, close_code: int | None, *, lost: bool = False
    ) -> None:
        """Takes the end of the connection from the transport."""
        if self.is_lost:
            # That of an attempt to come back.
            failed = (
                ServerUnreachableError(reason) if lost else CallDroppedError(reason, close_code)
            )
            self._failure = self._failure or failed
        elif lost and self._may_reconnect and self._reconnection is not None:
            self.interruption_arrived(at)
            self._connector.abandon()
            if self.tell(ConnectionLost(at, reason, close_code)):
                self._reconnection.begin()
        else:
            self._end(Disconnected(at, reason, close_code))

    def _try_media(self, media: Media) -> None:
        self._media = media
        self._rtvi = rtvi.RtviReader()
        self._failure = None
        if self.is_lost:
            self.heard.take_rate(media.sample_rate)
        else:
            self.heard = HeardAudio(media.sample_rate, keep_samples=self._keep_samples)

    async def _reconnect(self) -> None:
        """Comes back over a new connection, up to the bot's readiness.

        Raises:
            CallError: It did not succeed.
        """
        began = self._clock()
        media = await self._connector.reconnect(self, self._try_media)
        try:
            if self._announce:
                await media.send_message(rtvi.client_ready(next(self._identifiers)))
            self._microphone.skip_to(self._clock())
            await media.start(self._has_microphone)
            if self._announce:
                await self._until_ready(began)
            self._check_attempt()
        except BaseException:
            self._connector.abandon()
            raise
        lost = next(event for event in reversed(self.log) if isinstance(event, ConnectionLost))
        now = self._clock()
        self.tell(Reconnected(now, now - lost.at, media.name))

    async def _until_ready(self, after: float) -> None:
        def ready() -> bool | None:
            self._check_attempt()
            return any(isinstance(e, BotReady) and e.at >= after for e in self.log) or None

        try:
            async with asyncio.timeout(self._destination.timeout_s):
                await self.until(ready, None, "the bot's readiness")
        except TimeoutError as error:
            raise CallTimeoutError("the bot was not ready in time") from error

    def _check_attempt(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _connected(self) -> None:
        if self.is_lost:
            await self.until(lambda: None if self.is_lost else True, None, "the way back")
        if self.ended is not None:
            raise self.dropped()

    def _give_up(self, why: str) -> None:
        lost = next(event for event in reversed(self.log) if isinstance(event, ConnectionLost))
        reason = f"{lost.reason}, and there is no way back: {why}"
        self._end(Disconnected(self._clock(), reason, lost.close_code))

    async def _stop_reconnecting(self) -> None:
        if self._reconnection is not None:
            await self._reconnection.stop()

    def _end(self, how: Disconnected) -> None:
        if self.tell(how):
            self._microphone.stop(self.dropped())


def _encode(speech: Speech, transport: TransportName | None) -> None:
    """Makes a speech's packets, away from the event loop."""
    _ = speech.pcm_packets
    if transport is not TransportName.WEBSOCKET:
        _ = speech.opus_packets
