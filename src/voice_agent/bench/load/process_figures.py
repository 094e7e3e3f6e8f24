"""What a process and its children take: CPU time and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class ProcessFigures:
    """A process and all its children at one moment.

    Attributes:
        cpu_s: CPU time they have used, in seconds, the kernel's work for them included.
        loop_cpu_s: The part of the first process's main thread, where its event loop runs; the
            same as `cpu_s` where threads cannot be told apart.
        resident_bytes: Memory in use.
    """

    cpu_s: float
    loop_cpu_s: float
    resident_bytes: int


def process_figures(pid: int) -> ProcessFigures:
    """Return the figures of the process `pid` and its children now.

    Raises:
        psutil.NoSuchProcess: It has ended.
    """
    root = psutil.Process(pid)
    cpu_s, resident = 0.0, 0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
            cpu_s += times.user + times.system
            resident += process.memory_info().rss
        except psutil.NoSuchProcess:
            if process is root:
                raise
    loop_cpu_s = _main_thread_cpu_s(pid)
    return ProcessFigures(cpu_s, cpu_s if loop_cpu_s is None else loop_cpu_s, resident)


def busy_s(core: int | None) -> float | None:
    """Return for how many seconds `core` has been busy, whoever used it; None when not known."""
    if core is None or not hasattr(os, "sysconf"):
        return None
    try:
        lines = Path("/proc/stat").read_text().splitlines()
        (line,) = [each for each in lines if each.startswith(f"cpu{core} ")]
    except (OSError, ValueError):
        return None
    # proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in the first.
    user, nice, system, _, _, irq, softirq, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _main_thread_cpu_s(pid: int) -> float | None:
    # Linux counts nanoseconds here, where the rest of /proc counts hundredths of a second.
    path = Path(f"/proc/{pid}/task/{pid}/schedstat")
    try:
        return int(path.read_text().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return None
