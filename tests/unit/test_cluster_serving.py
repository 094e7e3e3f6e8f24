"""The supervisor stays small: what it imports is not what a call needs."""

import subprocess
import sys

HEAVY = ("pipecat", "fastapi", "starlette", "numpy", "onnxruntime", "aiortc", "prometheus_client")


def test_the_supervisor_imports_nothing_of_what_a_call_needs() -> None:
    code = (
        f"import sys, voice_agent.cluster_serving; print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
