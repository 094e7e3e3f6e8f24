"""How credentials begin, so that each kind is told from the others before it is looked at."""

from typing import Final

KEY_PREFIX: Final = "vak_"
ACCESS_PREFIX: Final = "vat_"
REFRESH_PREFIX: Final = "vrt_"
SETUP_PREFIX: Final = "vst_"


def is_of_an_account(credential: str) -> bool:
    """Return whether it looks like a key or an access token, and not like a session's token."""
    return credential.startswith((KEY_PREFIX, ACCESS_PREFIX))
