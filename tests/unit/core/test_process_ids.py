"""An id tells its process, and nothing else."""

import pytest

from voice_agent.core.process_ids import (
    FIRST_PROCESS,
    new_id,
    process_name,
    process_of,
    server_of,
    short_id,
)


def test_an_id_names_the_process_that_made_it() -> None:
    assert process_name(0) == FIRST_PROCESS
    assert process_of(new_id("p7")) == "p7"
    assert process_of(new_id("machine-3-p7")) == "machine-3-p7"
    assert len({new_id("p0") for _ in range(1000)}) == 1000


@pytest.mark.parametrize("other", ["", "p0", ".x", "P0.x", "a b.x", "x" * 65 + ".y", "é.x"])
def test_other_text_names_none(other: str) -> None:
    assert process_of(other) is None


def test_a_process_names_its_server_where_there_are_several() -> None:
    name = process_name(3, "berlin-2")
    assert process_of(new_id(name)) == name
    assert server_of(name) == "berlin-2"
    assert server_of(process_name(3)) is None


def test_short_ids_of_one_process_differ() -> None:
    name = process_name(255, "a" * 32)
    assert len({short_id(new_id(name)) for _ in range(100)}) == 100
    assert short_id("p2.abcdefghijklm") == "p2.abcdefghi"
