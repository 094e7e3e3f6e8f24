import json
from dataclasses import dataclass

import pytest

from voice_agent.bench.figures import Distribution, as_json, as_table


def test_a_distribution_tells_median_tail_and_worst() -> None:
    found = Distribution.of([index / 100 for index in range(1, 101)])
    assert (found.count, found.worst) == (100, 1.0)
    assert found.median == pytest.approx(0.505)
    assert found.p95 == pytest.approx(0.9505)
    assert found.in_milliseconds()["median"] == "505 ms"


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        Distribution.of([])


def test_a_table_lines_up_and_leaves_unknown_cells_empty() -> None:
    table = as_table({"before": {"tasks": "3"}, "after": {"tasks": "12", "threads": "1"}})
    assert table.splitlines() == [
        "        tasks  threads",
        "before      3         ",
        "after      12        1",
    ]


@dataclass(frozen=True)
class _Result:
    latencies: tuple[float, ...]
    by_code: dict[int, int]


def test_a_result_is_one_json_document() -> None:
    document = json.loads(as_json(_Result((0.123456,), {1000: 2})))
    assert document == {"latencies": [0.1235], "by_code": {"1000": 2}}
