"""What the guide tells receivers to do is right."""

import re
import time
from pathlib import Path
from typing import Any

from voice_agent.observability.webhooks.signature import new_secret, signed_headers

GUIDE = Path(__file__).parents[4] / "docs" / "webhooks.md"


def test_a_receiver_that_does_as_the_guide_says_knows_what_is_genuine() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    is_genuine = names["is_genuine"]
    secret, body = new_secret(), '{"text":"Grüß Gott"}'
    now = int(time.time())
    headers = dict(signed_headers(secret, "msg.1", now, body))
    assert is_genuine(secret, headers, body.encode())
    assert not is_genuine(secret, headers, b"{}")
    assert not is_genuine(new_secret(), headers, body.encode())
    old = dict(signed_headers(secret, "msg.1", now - 1000, body))
    assert not is_genuine(secret, old, body.encode())
