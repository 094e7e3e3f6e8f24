"""Pipecat's peer connection, speaking through a track of ours."""

from aiortc import MediaStreamTrack
from aiortc.sdp import SessionDescription
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection

from voice_agent.core.process_ids import FIRST_PROCESS, new_id
from voice_agent.transports.webrtc.ice_route import IceRoute


class SpeakingPeer(SmallWebRTCConnection):
    """Keeps the track it was told to speak through, whichever one Pipecat puts in its place.

    Its id names the process that has it: what a client sends later has to come there.

    Args:
        route: How it may be reached; None leaves that to aiortc.
        process: The process's name.
    """

    def __init__(self, route: IceRoute | None = None, *, process: str = FIRST_PROCESS) -> None:
        super().__init__()
        if route is not None and not route.is_plain:
            # It cannot even be imported with another aioice; nobody else should need to care.
            from voice_agent.transports.webrtc.gathering import follow  # noqa: PLC0415

            follow(self.pc, route)
        self._pc_id = new_id(process)
        self._speech: MediaStreamTrack | None = None

    @property
    def sends_opus(self) -> bool:
        """Whether Opus was agreed on; it is not with some telephone gateways."""
        answer = self.get_answer()
        if answer is None:
            return False
        audio = SessionDescription.parse(answer["sdp"]).media[0]
        return audio.rtp.codecs[0].mimeType.lower() == "audio/opus"

    def speak_through(self, track: MediaStreamTrack) -> None:
        """Send this track from now on."""
        self._speech = track
        super().replace_audio_track(track)  # type: ignore[no-untyped-call]

    def replace_audio_track(self, track: MediaStreamTrack) -> None:
        """Send `track`, unless there is one to speak through.

        Pipecat calls it with a new track of its own whenever the client is connected.
        """
        super().replace_audio_track(self._speech or track)  # type: ignore[no-untyped-call]
