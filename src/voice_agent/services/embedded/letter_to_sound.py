"""How flite and espeak-ng would pronounce a word, through their libraries, when they are there.

Only for helper processes: espeak-ng is GPL and must never be loaded into ours.
"""

import ctypes
import os
from typing import Any, Final

from voice_agent.services.embedded.engine_libraries import find_library, flite_voice_names
from voice_agent.services.embedded.espeak_helper import locate_espeak
from voice_agent.services.embedded.pronunciation import LetterToSound, from_flite, from_ipa

# Values of espeak-ng's speak_lib.h.
_AUDIO_OUTPUT_RETRIEVAL: Final = 1
_INITIALIZE_DONT_EXIT: Final = 0x8000
_CHARS_UTF8: Final = 1
_PHONEMES_IPA: Final = 0x02


def installed_engines() -> list[LetterToSound]:
    """Return what can be asked on this machine, possibly nothing."""
    return [engine for engine in (_flite(), _espeak()) if engine is not None]


def _flite() -> LetterToSound | None:
    names = flite_voice_names()
    if not names:
        return None
    library = ctypes.CDLL(find_library("flite"), mode=ctypes.RTLD_GLOBAL)
    voice_path = find_library(f"flite_cmu_us_{names[0]}")
    register = getattr(
        ctypes.CDLL(voice_path, mode=ctypes.RTLD_GLOBAL), f"register_cmu_us_{names[0]}"
    )
    for name in ("flite_synth_text", "utt_relation", "relation_head", "item_next"):
        getattr(library, name).restype = ctypes.c_void_p
    library.item_feat_string.restype = ctypes.c_char_p
    register.restype = ctypes.c_void_p
    library.flite_init()
    voice = ctypes.c_void_p(register(None))

    def phones_of(word: str) -> str | None:
        text = word.encode("ascii", "ignore")
        utterance = ctypes.c_void_p(library.flite_synth_text(text, voice))
        if not utterance:
            return None
        phones: list[str] = []
        relation = ctypes.c_void_p(library.utt_relation(utterance, b"Segment"))
        item = library.relation_head(relation)
        while item:
            phones.append(library.item_feat_string(ctypes.c_void_p(item), b"name").decode())
            item = library.item_next(ctypes.c_void_p(item))
        library.delete_utterance(utterance)
        return from_flite(phones)

    return phones_of


def _espeak() -> LetterToSound | None:
    located = locate_espeak()
    if located is None:
        return None
    path, data = located
    library: Any = ctypes.CDLL(path)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data_path = os.fsencode(data) if data else None
    if library.espeak_Initialize(_AUDIO_OUTPUT_RETRIEVAL, 0, data_path, _INITIALIZE_DONT_EXIT) <= 0:
        return None
    library.espeak_SetVoiceByName(b"en-us")

    def phones_of(word: str) -> str | None:
        text = ctypes.c_char_p(word.encode())
        ipa = library.espeak_TextToPhonemes(ctypes.byref(text), _CHARS_UTF8, _PHONEMES_IPA)
        return from_ipa(ipa.decode()) if ipa else None

    return phones_of
