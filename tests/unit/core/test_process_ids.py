"""An id tells its process, and nothing else."""

import pytest

from voice_agent.core.process_ids import FIRST_PROCESS, new_id, process_name, process_of


def test_an_id_names_the_process_that_made_it() -> None:
    assert process_name(0) == FIRST_PROCESS
    assert process_of(new_id("p7")) == "p7"
    assert process_of(new_id("machine-3-p7")) == "machine-3-p7"
    assert len({new_id("p0") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("other", ["", "p0", ".x", "P0.x", "a b.x", "x" * 65 + ".y", "é.x"])
def test_other_text_names_none(other: str) -> None:
    assert process_of(other) is None
