"""What the benchmark found, and what follows from it. Pure."""

from dataclasses import dataclass, field

from voice_agent.bench.load.first_words import FirstWords
from voice_agent.bench.load.floor import Floor
from voice_agent.bench.load.quality import slope
from voice_agent.bench.load.ramp import Ramp
from voice_agent.bench.load.servers import ServerName
from voice_agent.bench.load.several_processes import SeveralProcesses
from voice_agent.bench.load.short_calls import Memory
from voice_agent.client.signalling import TransportName


@dataclass
class Run:
    """One server over one transport.

    Attributes:
        server: Which server.
        transport: Over which transport.
        ramp: The steps.
        reference_s: The latency that quality is measured by: plain Pipecat's one-call median where
            it was measured, else this server's own.
        first_words: What the first word takes; None when not measured.
    """

    server: ServerName
    transport: TransportName
    ramp: Ramp = field(default_factory=Ramp)
    reference_s: float | None = None
    first_words: FirstWords | None = None

    @property
    def calls_at_quality(self) -> int:
        """How many calls were held."""
        return self.ramp.held(self.reference_s) if self.reference_s is not None else 0

    @property
    def may_hold_more(self) -> bool:
        """Whether more calls might hold, had the steps with more of them counted."""
        return self.reference_s is not None and self.ramp.may_hold_more(self.reference_s)

    @property
    def cpu_a_call(self) -> float | None:
        """What one more call takes of a core; None with fewer than two numbers of calls."""
        return slope([(step.calls, step.cpu) for step in self.ramp.telling_cost()])

    @property
    def bytes_a_call(self) -> float | None:
        """How much memory one more call takes; None with fewer than two numbers of calls."""
        return slope([(step.calls, step.resident_bytes) for step in self.ramp.telling_cost()])

    @property
    def one_call_s(self) -> float | None:
        """The median latency of a single call, in seconds."""
        ones = [step.median_s for step in self.ramp.steps if step.calls == 1 and step.counts]
        return ones[0] if ones else None


@dataclass
class BenchResult:
    """All that was measured.

    Attributes:
        cores: Who ran where.
        machine: What it ran on.
        runs: Each server over each transport.
        leg_costs: CPU time of the event loop that a new leg takes, in seconds, by server.
        floors: Bare connections.
        processes: Our server with several processes, against one.
        memory: Our server's after short calls; None when not measured.
    """

    cores: str
    machine: str
    runs: list[Run] = field(default_factory=list)
    leg_costs: dict[ServerName, float | None] = field(default_factory=dict)
    floors: list[Floor] = field(default_factory=list)
    processes: list[SeveralProcesses] = field(default_factory=list)
    memory: Memory | None = None
