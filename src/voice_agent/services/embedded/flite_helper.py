"""The helper process that speaks with flite (https://github.com/festvox/flite), through ctypes."""

import ctypes
import threading
import time
import unicodedata
from typing import Any, Final

from voice_agent.services.embedded.engine_libraries import find_library, flite_voice_names
from voice_agent.services.embedded.helper_channel import HelperChannel
from voice_agent.services.embedded.helper_protocol import Message
from voice_agent.services.embedded.synthesis_protocol import (
    AUDIO,
    DONE,
    SPEAK,
    SpeakRequest,
    Voice,
    decode_request,
    encode_voices,
)
from voice_agent.services.embedded.synthesis_turns import SynthesisTurns

SAMPLE_RATE: Final = 16_000
_FIRST_CHUNK: Final = 960
_CHUNK: Final = 1600
"""Samples: 60 ms first, so that speech begins early, then 100 ms."""
_THREADS: Final = 32
"""How many speeches may be under way at once; the others wait for one to end."""
_M_ARENA_MAX: Final = -8
"""Of glibc's malloc.h."""
_CONTINUE: Final = 0
_STOP: Final = -1

_ASCII: Final = str.maketrans(
    {
        "‘": "'", "’": "'", "“": '"', "”": '"', "–": ", ", "—": ", ", "…": "...",
        "€": " euros ", "£": " pounds ", "°": " degrees ", "×": " times ", "\0": " ",
    }
)  # fmt: skip


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.c_void_p),
    )


class _StreamingInfo(ctypes.Structure):
    pass


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(_Wave),
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(_StreamingInfo),
)
_StreamingInfo._fields_ = [
    ("min_buffsize", ctypes.c_int),
    ("callback", _Callback),
    ("utterance", ctypes.c_void_p),
    ("item", ctypes.c_void_p),
    ("userdata", ctypes.c_void_p),
]


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


class _Utterance(ctypes.Structure):
    _fields_ = (("features", ctypes.c_void_p),)


def to_ascii(text: str) -> str:
    """Return `text` in the letters that flite knows: accents off, typographic marks plain."""
    plain = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return plain.encode("ascii", "ignore").decode()


class Flite:
    """The library and its voices; a voice is loaded when it first speaks."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(find_library("flite"), mode=ctypes.RTLD_GLOBAL)
        self._voices: dict[str, Any] = {}
        self._turns = SynthesisTurns()
        library = self._library
        library.new_audio_streaming_info.restype = ctypes.POINTER(_StreamingInfo)
        library.audio_streaming_info_val.restype = ctypes.c_void_p
        library.audio_streaming_info_val.argtypes = [ctypes.POINTER(_StreamingInfo)]
        library.flite_feat_set.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        library.flite_feat_set_float.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]
        utterance = ctypes.POINTER(_Utterance)
        library.new_utterance.restype = utterance
        library.utt_set_input_text.argtypes = [utterance, ctypes.c_char_p]
        library.utt_init.argtypes = [utterance, ctypes.POINTER(_Voice)]
        library.utt_synth.restype = utterance
        library.utt_synth.argtypes = [utterance]
        library.delete_utterance.argtypes = [utterance]
        library.flite_init()

    def load(self, name: str) -> None:
        """Load the voice `name`, once.

        Raises:
            ValueError: There is no such voice here.
        """
        if name in self._voices:
            return
        path = find_library(f"flite_cmu_us_{name}") if name in flite_voice_names() else None
        if path is None:
            raise ValueError(f"flite has no voice '{name}'")
        register = getattr(ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL), f"register_cmu_us_{name}")
        register.restype = ctypes.POINTER(_Voice)
        register.argtypes = [ctypes.c_char_p]
        self._voices[name] = register(None)

    def speak(self, channel: HelperChannel, stream: int, request: SpeakRequest) -> None:
        """Send the speech of `request` on `stream` as it is made; stops when that is closed."""
        began = 0.0

        def take(wave: Any, start: int, size: int, _last: int, info: Any) -> int:
            nonlocal began
            if size > 0:
                began = began or time.monotonic()
                audio = ctypes.string_at(wave[0].samples + 2 * start, 2 * size)
                channel.send(Message(AUDIO, stream, audio))
                info[0].min_buffsize = _CHUNK
                self._turns.pass_on(began + (start + size) / SAMPLE_RATE)
            return _CONTINUE if channel.is_open(stream) else _STOP

        callback = _Callback(take)
        library = self._library
        with self._turns.turn():
            if not channel.is_open(stream):
                return
            self.load(request.voice)
            voice = self._voices[request.voice]
            info = library.new_audio_streaming_info()
            info[0].min_buffsize = _FIRST_CHUNK
            info[0].callback = callback
            utterance = library.new_utterance()
            library.utt_set_input_text(utterance, to_ascii(request.text).encode())
            library.utt_init(utterance, voice)
            # On the utterance, which then owns them: what is set on the voice, all its running
            # utterances see at once.
            features = utterance[0].features
            value = library.audio_streaming_info_val(info)
            library.flite_feat_set(features, b"streaming_info", value)
            library.flite_feat_set_float(features, b"duration_stretch", 1 / request.speed)
            made = library.utt_synth(utterance)
            library.delete_utterance(utterance)
            if not made:
                raise ValueError("flite cannot speak this text")


def share_one_heap() -> None:
    """Let all threads allocate from one heap: with one each, freed memory is not used again."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_ARENA_MAX, 1)


def main() -> None:
    """Serve speech until our parent ends."""
    channel = HelperChannel.take_over()
    share_one_heap()
    names = flite_voice_names()
    if not names:
        channel.fail("flite is not installed")
    flite = Flite()
    flite.load(names[0])

    def work() -> None:
        for message in channel:
            if message.kind != SPEAK:
                continue
            try:
                flite.speak(channel, message.stream, decode_request(message.payload))
            except (ValueError, OSError) as error:
                channel.send_error(message.stream, str(error))
            else:
                channel.send(Message(DONE, message.stream))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    channel.ready(encode_voices([Voice(name, "en-us", SAMPLE_RATE) for name in names]))
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
