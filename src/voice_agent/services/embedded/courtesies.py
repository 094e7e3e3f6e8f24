"""What is said that asks for no knowledge: greetings, thanks, "say that again". English; pure."""

from enum import StrEnum
from typing import Final

from rapidfuzz import fuzz, process

from voice_agent.core.words import words_of


class Courtesy(StrEnum):
    """A kind of small talk."""

    GREETING = "greeting"
    WELL_BEING = "well_being"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    REPEAT = "repeat"
    ABILITIES = "abilities"
    AGREEMENT = "agreement"
    REFUSAL = "refusal"
    PAUSE = "pause"


_PHRASES: Final[dict[Courtesy, tuple[str, ...]]] = {
    Courtesy.GREETING: (
        "hello", "hi", "hi there", "hello there", "hey", "good morning", "good afternoon",
        "good evening", "good day", "is anybody there", "can you hear me",
    ),
    Courtesy.WELL_BEING: ("how are you", "how are you doing", "how do you do", "how is it going"),
    Courtesy.THANKS: (
        "thank you", "thanks", "thank you very much", "thanks a lot", "many thanks",
        "great thank you", "okay thank you", "that is very kind", "thank you so much",
        "great", "perfect", "very good", "wonderful",
    ),
    Courtesy.GOODBYE: (
        "goodbye", "good bye", "bye", "bye bye", "see you", "see you later", "that is all",
        "thank you goodbye", "have a nice day", "good night", "that was all",
    ),
    Courtesy.REPEAT: (
        "can you repeat that", "repeat that", "repeat that please", "please repeat",
        "say that again", "say that again please", "could you say that again", "once more please",
        "pardon",
        "sorry what did you say", "what did you say", "i did not understand", "again please",
        "i didn't get that", "what was that", "come again",
    ),
    Courtesy.ABILITIES: (
        "what can you do", "what can i ask you", "what do you know", "help", "can you help me",
        "what can you help me with", "what can you tell me", "i have a question", "i need help",
        "what can i ask", "how can you help me", "what else do you know", "what else can you do",
    ),
    Courtesy.AGREEMENT: ("yes", "yes please", "okay", "all right", "sure", "yeah", "of course"),
    Courtesy.REFUSAL: ("no", "no thank you", "no thanks", "never mind", "nothing", "nope"),
    Courtesy.PAUSE: ("stop", "wait", "wait a moment", "one moment please", "be quiet", "hold on"),
}  # fmt: skip
_PADDING: Final = frozenset({"please", "um", "uh", "oh", "well", "so"})
"""Words that change nothing about what is meant."""


def _bare(text: str) -> str:
    words = words_of(text)
    return " ".join([word for word in words if word not in _PADDING] or words)


_KIND_OF: Final = {_bare(phrase): kind for kind, phrases in _PHRASES.items() for phrase in phrases}
_ALIKE: Final = 86.0
"""From this likeness of `rapidfuzz` (0 to 100) on, a text is one of the phrases."""


def courtesy_of(text: str) -> Courtesy | None:
    """Return what kind of small talk `text` is as a whole, None if it is more than that."""
    found = process.extractOne(_bare(text), _KIND_OF.keys(), scorer=fuzz.ratio, score_cutoff=_ALIKE)
    return _KIND_OF[found[0]] if found else None
