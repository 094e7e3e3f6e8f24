"""The helper process that hears: one PocketSphinx decoder, one utterance at a time.

PocketSphinx normalises what it hears by the mean of its acoustic features, which it can take from
the audio itself or adapt on the way. So the first `SETTLE_S` of a caller's first utterance are only
gathered; then, or at its end when that is sooner, they are decoded with their own mean, and the
rest is decoded as it comes. His next utterances begin with the mean of the last.
"""

import contextlib
import re
import resource
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import pocketsphinx

from voice_agent.services.embedded.helper_channel import HelperChannel
from voice_agent.services.embedded.helper_protocol import WHOLE_HELPER, Message
from voice_agent.services.embedded.noise import NoiseConditioner
from voice_agent.services.embedded.recognition_protocol import (
    AUDIO,
    BEGIN,
    BYTES_PER_SECOND,
    FINISH,
    LOADED,
    MODEL,
    PARTIAL,
    RESULT,
    Recognition,
    decode_model,
)

SETTLE_S: Final = 1.0
"""Seconds of audio after which a new caller's mean is taken for known. Longer heard no better, and
what is gathered must be decoded in one go, which delays a transcript that is due just then."""
_PARTIAL_EVERY_BYTES: Final = BYTES_PER_SECOND * 3 // 10
# Chosen on questions that are in no test: the second pass over the words ("fwdflat") and more
# Gaussians a state cost half the time and heard no better.
_DECODER_OPTIONS: Final[dict[str, Any]] = {
    "loglevel": "FATAL",
    "fwdflat": False,
    "bestpath": True,
    "topn": 2,
}


class UtteranceDecoder:
    """A decoder and the utterance it is at."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._initial_mean: str = decoder.get_cmn(False)
        self._noise = NoiseConditioner()
        self._audio = bytearray()
        self._size = 0
        self._live = False
        self._cpu_s = 0.0
        self._since_partial = 0

    @classmethod
    def load(cls, arpa: bytes, dictionary: bytes) -> "UtteranceDecoder":
        """Return a decoder for the language model and dictionary in these files' contents.

        Raises:
            RuntimeError: PocketSphinx refuses them.
        """
        with tempfile.TemporaryDirectory(prefix="voice-agent-") as folder:
            model_path, dictionary_path = Path(folder, "lm.arpa"), Path(folder, "words.dict")
            model_path.write_bytes(arpa)
            dictionary_path.write_bytes(dictionary)
            return cls(
                pocketsphinx.Decoder(
                    lm=str(model_path), dict=str(dictionary_path), **_DECODER_OPTIONS
                )
            )

    def begin(self, mean: str) -> None:
        """Begin an utterance of a caller whose acoustic mean is `mean` (empty: unknown)."""
        self.abandon()
        self._noise = NoiseConditioner()
        self._decoder.set_cmn(mean or self._initial_mean)
        if mean:
            self._go_live()

    def feed(self, pcm: bytes) -> str | None:
        """Hear more; return the words so far when it is time to tell them."""
        began = time.process_time()
        self._size += len(pcm)
        self._since_partial += len(pcm)
        pcm = self._noise.add(pcm)
        if not self._live:
            self._audio += pcm
            if len(self._audio) >= SETTLE_S * BYTES_PER_SECOND:
                self._settle()
        elif pcm:
            self._decoder.process_raw(pcm, False, False)
        partial = None
        if self._live and self._since_partial >= _PARTIAL_EVERY_BYTES:
            self._since_partial = 0
            partial = self._text()
        self._cpu_s += time.process_time() - began
        return partial

    def finish(self) -> Recognition:
        """Return what was heard; the utterance is over."""
        began = time.process_time()
        if not self._live:
            self._decoder.start_utt()
            if self._audio:
                self._decoder.process_raw(bytes(self._audio), False, True)
            self._live = True
        self._decoder.end_utt()
        self._live = False
        text = self._text()
        recognition = Recognition(
            text=text,
            mean=self._decoder.get_cmn(True) if text else "",
            audio_s=self._size / BYTES_PER_SECOND,
            cpu_s=self._cpu_s + time.process_time() - began,
            peak_memory_bytes=_peak_memory_bytes(),
        )
        self.abandon()
        return recognition

    def abandon(self) -> None:
        """Forget the utterance."""
        if self._live:
            with contextlib.suppress(RuntimeError):
                self._decoder.end_utt()
        self._live = False
        self._audio.clear()
        self._size = self._since_partial = 0
        self._cpu_s = 0.0

    def _settle(self) -> None:
        audio = bytes(self._audio)
        self._decoder.start_utt()
        self._decoder.process_raw(audio, True, True)
        self._decoder.end_utt()
        self._decoder.set_cmn(self._decoder.get_cmn(False))
        self._audio.clear()
        self._go_live()
        self._decoder.process_raw(audio, False, False)

    def _go_live(self) -> None:
        self._decoder.start_utt()
        self._live = True

    def _text(self) -> str:
        hypothesis = self._decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


class RecogniserHelper:
    """Answers the parent's messages with one decoder."""

    def __init__(self, channel: HelperChannel) -> None:
        self._channel = channel
        self._decoder: UtteranceDecoder | None = None
        self._stream = WHOLE_HELPER

    def serve(self) -> None:
        """Work until our parent ends."""
        for message in self._channel:
            try:
                self._answer(message)
            except (OSError, RuntimeError, ValueError) as error:
                self._channel.send_error(message.stream, str(error))

    def _answer(self, message: Message) -> None:
        if message.kind == MODEL:
            self._decoder = UtteranceDecoder.load(*decode_model(message.payload))
            self._channel.send(Message(LOADED, message.stream))
            return
        decoder = self._decoder
        if decoder is None:
            raise ValueError("no model was loaded")
        if message.kind == BEGIN:
            self._stream = message.stream
            decoder.begin(message.payload.decode())
        elif message.stream != self._stream:
            return
        elif message.kind == AUDIO:
            partial = decoder.feed(message.payload)
            if partial:
                self._channel.send(Message(PARTIAL, message.stream, partial.encode()))
        elif message.kind == FINISH:
            self._channel.send(Message(RESULT, message.stream, decoder.finish().encode()))
            self._stream = WHOLE_HELPER
        else:
            decoder.abandon()
            self._stream = WHOLE_HELPER


def _peak_memory_bytes() -> int:
    # Linux counts what our parent had when it started us as ours, except in this file.
    status = Path("/proc/self/status")
    if status.exists():
        peak = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        if peak:
            return int(peak[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Serve recognition until our parent ends."""
    channel = HelperChannel.take_over()
    channel.ready()
    RecogniserHelper(channel).serve()


if __name__ == "__main__":
    main()
