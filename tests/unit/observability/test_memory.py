import subprocess
import sys

import pytest

from voice_agent.observability.memory import ARENAS, limit_malloc_arenas

COUNT_ARENAS = """
import ctypes, re, sys, tempfile, threading
from voice_agent.observability.memory import limit_malloc_arenas
if "limited" in sys.argv:
    assert limit_malloc_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
held = threading.Barrier(9)
def hold():
    libc.malloc(ctypes.c_size_t(1000))
    held.wait(10)
    held.wait(10)
threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
held.wait(10)
libc.fopen.restype = ctypes.c_void_p
file = tempfile.mktemp()
stream = ctypes.c_void_p(libc.fopen(file.encode(), b"w"))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(len(re.findall("<heap nr", open(file).read())))
held.wait(10)
"""


def _arenas(*arguments: str) -> int:
    command = [sys.executable, "-c", COUNT_ARENAS, *arguments]
    return int(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_threads_share_few_arenas() -> None:
    assert _arenas() > ARENAS
    assert _arenas("limited") <= ARENAS


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not limit_malloc_arenas()
