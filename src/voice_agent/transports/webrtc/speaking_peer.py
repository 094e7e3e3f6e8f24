"""Pipecat's peer connection, speaking through a track of ours."""

from collections.abc import Sequence

from aiortc import MediaStreamTrack
from aiortc.sdp import SessionDescription
from pipecat.transports.smallwebrtc.connection import IceServer, SmallWebRTCConnection

from voice_agent.core.process_ids import FIRST_PROCESS, new_id


class SpeakingPeer(SmallWebRTCConnection):
    """Keeps the track it was told to speak through, whichever one Pipecat puts in its place.

    Its id names the process that has it: what a client sends later has to come there.
    """

    def __init__(
        self, ice_servers: Sequence[IceServer] = (), *, process: str = FIRST_PROCESS
    ) -> None:
        super().__init__(list(ice_servers))
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
