"""Reads the messages that come beside the audio, with suspicion."""

import json

MAX_MESSAGE_LENGTH = 64 * 1024
"""Characters or bytes of one message; typed words have a few thousand at most."""


class MessageRefusedError(Exception):
    """This cannot be a message; says what is wrong, with nothing of what the client sent."""


def read_message(data: str | bytes) -> object:
    """Return what the JSON in `data` says.

    Raises:
        MessageRefusedError: It is no JSON, or too long.
    """
    if len(data) > MAX_MESSAGE_LENGTH:
        raise MessageRefusedError(
            f"data has {len(data)} characters, more than {MAX_MESSAGE_LENGTH}"
        )
    try:
        message: object = json.loads(data)
    except (ValueError, RecursionError):
        raise MessageRefusedError("data is not JSON") from None
    return message
