"""What a key looks like: `vak_secret_<id>_<secret>` or `vak_public_<id>_<secret>`. Pure."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voice_agent.accounts.prefixes import KEY_PREFIX

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_BYTES: Final = 10
_ID_LENGTH: Final = 14
_SECRET_BYTES: Final = 32
_SECRET_LENGTH: Final = 43
_KEY: Final = re.compile(
    rf"{KEY_PREFIX}(secret|public)_([0-9A-Za-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}}"
)
_SHOWN_END: Final = 4


class KeyKind(StrEnum):
    """Which of both a key is."""

    SECRET = "secret"  # noqa: S105 - a name
    PUBLISHABLE = "publishable"


_WORDS: Final = {KeyKind.SECRET: "secret", KeyKind.PUBLISHABLE: "public"}
_KINDS: Final = {word: kind for kind, word in _WORDS.items()}


@dataclass(frozen=True)
class KeyText:
    """A key as its owner has it."""

    text: str
    kind: KeyKind
    id: str

    @classmethod
    def new(cls, kind: KeyKind) -> "KeyText":
        """Return a new key; its secret has 256 random bits."""
        key_id = _base62(secrets.token_bytes(_ID_BYTES), _ID_LENGTH)
        secret = _base62(secrets.token_bytes(_SECRET_BYTES), _SECRET_LENGTH)
        return cls(f"{KEY_PREFIX}{_WORDS[kind]}_{key_id}_{secret}", kind, key_id)

    @classmethod
    def parse(cls, text: str) -> "KeyText | None":
        """Return the key that `text` is, None when it cannot be one."""
        found = _KEY.fullmatch(text)
        return None if found is None else cls(text, _KINDS[found[1]], found[2])

    @property
    def digest(self) -> str:
        """What is kept of it. A plain hash will do: nobody can guess 256 random bits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def hint(self) -> str:
        """Its first and last characters."""
        begin = self.text[: len(KEY_PREFIX) + len(_WORDS[self.kind]) + 1 + _SHOWN_END]
        return f"{begin}...{self.text[-_SHOWN_END:]}"


def _base62(content: bytes, length: int) -> str:
    number, digits = int.from_bytes(content, "big"), ""
    while len(digits) < length:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
