"""What the guide tells receivers to do is right."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from build_console import find_node
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


def test_so_does_one_in_javascript() -> None:
    (code,) = re.findall(r"```javascript\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    secret, body = new_secret(), '{"text":"Grüß Gott"}'
    now = int(time.time())
    headers = dict(signed_headers(secret, "msg.1", now, body))
    old = dict(signed_headers(secret, "msg.1", now - 1000, body))
    no_time = headers | {"webhook-timestamp": "yesterday"}
    cases = [
        (secret, headers, body),
        (secret, headers, "{}"),
        (new_secret(), headers, body),
        (secret, old, body),
        (secret, no_time, body),
        (secret, headers | {"webhook-signature": "v1,short " + headers["webhook-signature"]}, body),
    ]
    asked = f"console.log(JSON.stringify({json.dumps(cases)}.map((each) => isGenuine(...each))))"
    run = subprocess.run(
        [find_node().program, "-e", code + asked],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(run.stdout) == [True, False, False, False, False, True]
