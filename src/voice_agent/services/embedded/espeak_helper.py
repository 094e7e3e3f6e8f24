"""The helper process that speaks with espeak-ng (GPL-3), through ctypes.

This module runs as a program of its own and is never imported by the server: its only tie to it is
the pipe that it reads and writes.
"""

import ctypes
import os
from typing import Any, Final

from voice_agent.services.embedded.engine_libraries import find_library
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

# Values of espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2
_INITIALIZE_DONT_EXIT: Final = 0x8000
_CHARS_UTF8: Final = 1
_END_PAUSE: Final = 0x1000
_POS_CHARACTER: Final = 1
_PARAMETER_RATE: Final = 1
_EE_OK: Final = 0
_NORMAL_RATE: Final = 175
"""Words a minute, espeak-ng's own default."""
_RATE_LIMITS: Final = (80, 450)
_CHUNK_MS: Final = 60


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def locate_espeak() -> tuple[str, str | None] | None:
    """Return the library and its data folder (None: its own), or None when there is neither."""
    try:
        import espeakng_loader  # noqa: PLC0415 - GPL, and only here
    except ImportError:
        library = find_library("espeak-ng")
        return (library, None) if library else None
    return espeakng_loader.get_library_path(), espeakng_loader.get_data_path()


class Espeak:
    """The library. It keeps one state for the whole process, so it speaks one text at a time."""

    def __init__(self, channel: HelperChannel, library: str, data: str | None) -> None:
        self._channel = channel
        self._library: Any = ctypes.CDLL(library)
        self._stream = 0
        # espeak-ng keeps a pointer to it: it must live as long as the library.
        self._callback = _Callback(self._take)
        self._settings = ("", 0.0)
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
            ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self.sample_rate = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS,
            _CHUNK_MS,
            os.fsencode(data) if data else None,
            _INITIALIZE_DONT_EXIT,
        )
        if self.sample_rate <= 0:
            raise OSError("espeak-ng finds no voice data")
        self._library.espeak_SetSynthCallback(self._callback)
        self._identifiers = self._list_identifiers()

    def voices(self) -> list[Voice]:
        """Return its voices, one a language that it speaks, by their language codes."""
        return [Voice(code, code, self.sample_rate) for code in self._identifiers]

    def _list_identifiers(self) -> dict[str, str]:
        listed = self._library.espeak_ListVoices(None)
        identifiers: dict[str, str] = {}
        index = 0
        while listed[index]:
            # `languages` is a priority byte, a language code and a zero byte, repeated.
            code = (listed[index][0].languages or b"")[1:].decode(errors="replace").lower()
            if code and not code.startswith("variant"):
                identifiers.setdefault(code, listed[index][0].identifier.decode())
            index += 1
        return identifiers

    def speak(self, stream: int, request: SpeakRequest) -> None:
        """Send the speech of `request` on `stream` as it is made; stops when that is closed.

        Raises:
            ValueError: There is no such voice.
            OSError: espeak-ng failed.
        """
        self._select(request.voice, request.speed)
        self._stream = stream
        text = request.text.encode()
        status = self._library.espeak_Synth(
            text, len(text) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8 | _END_PAUSE, None, None
        )
        if status != _EE_OK:
            raise OSError(f"espeak-ng failed with status {status}")

    def _select(self, voice: str, speed: float) -> None:
        if self._settings == (voice, speed):
            return
        code, plus, variant = voice.partition("+")
        # By its identifier: a variant of some voices cannot be had by their language code.
        name = self._identifiers.get(code, code) + plus + variant
        if self._library.espeak_SetVoiceByName(name.encode()) != _EE_OK:
            self._settings = ("", 0.0)
            raise ValueError(f"espeak-ng has no voice '{voice}'")
        slowest, fastest = _RATE_LIMITS
        rate = max(slowest, min(fastest, round(_NORMAL_RATE * speed)))
        self._library.espeak_SetParameter(_PARAMETER_RATE, rate, 0)
        self._settings = (voice, speed)

    def _take(self, samples: int | None, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._channel.send(Message(AUDIO, self._stream, ctypes.string_at(samples, 2 * count)))
        return 0 if self._channel.is_open(self._stream) else 1


def main() -> None:
    """Serve speech until our parent ends."""
    channel = HelperChannel.take_over()
    located = locate_espeak()
    if located is None:
        channel.fail("espeak-ng is not installed")
    try:
        espeak = Espeak(channel, *located)
    except OSError as error:
        channel.fail(f"espeak-ng cannot be loaded: {error}")
    channel.ready(encode_voices(espeak.voices()))
    for message in channel:
        if message.kind != SPEAK or not channel.is_open(message.stream):
            continue
        try:
            espeak.speak(message.stream, decode_request(message.payload))
        except (ValueError, OSError) as error:
            channel.send_error(message.stream, str(error))
        else:
            channel.send(Message(DONE, message.stream))


if __name__ == "__main__":
    main()
