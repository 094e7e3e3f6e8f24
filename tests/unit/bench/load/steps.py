"""Steps as a benchmark makes them."""

from voice_agent.bench.load.pacing import GeneratorFigures
from voice_agent.bench.load.quality import Step

REFERENCE_S = 0.7
ON_TIME = GeneratorFigures(sends=600, p99_late_s=0.003, cpu=0.1)
OVERRUN = GeneratorFigures(sends=600, p99_late_s=0.03, cpu=0.1)


def step(
    calls: int = 1,
    *,
    latencies_s: tuple[float, ...] = (0.7, 0.71),
    packets: int = 1000,
    late: int = 0,
    failures: tuple[str, ...] = (),
    cpu: float = 0.1,
    generator: GeneratorFigures = ON_TIME,
) -> Step:
    return Step(calls, 12.0, latencies_s, packets, late, failures, 0, cpu, cpu, 1 << 20, generator)
