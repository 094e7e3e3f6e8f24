import pytest

from voice_agent.core.errors import CursorInvalidError
from voice_agent.core.pages import decode_cursor, encode_cursor


def test_a_cursor_holds_where_the_next_page_begins() -> None:
    assert decode_cursor(encode_cursor(12.000001, "p0.ü_-")) == (12.000001, "p0.ü_-")


@pytest.mark.parametrize(
    "cursor", ["", "x", "ümlaut", "W10", "WzEsMl0", "eyJhIjoxfQ", "W251bGwsICJhIl0", "[" * 400]
)
def test_any_other_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalidError, match="next_cursor"):
        decode_cursor(cursor)
