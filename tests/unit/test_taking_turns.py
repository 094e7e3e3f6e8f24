"""Tests that measure time have the machine to themselves."""

import json

import pytest

from devtool.project import ROOT

pytest_plugins = ["pytester"]

_SUITE = """
import json, time
import pytest

def note(name, began):
    ended = time.monotonic()
    with open({notes!r}, "a") as file:
        file.write(json.dumps([name, began, ended]) + "\\n")

@pytest.mark.parametrize("number", range(12))
def test_any(number):
    began = time.monotonic()
    while time.monotonic() < began + 0.05:
        pass
    note("any", began)

@pytest.mark.alone
@pytest.mark.parametrize("number", range(4))
def test_alone(number):
    began = time.monotonic()
    while time.monotonic() < began + 0.05:
        pass
    note("alone", began)
"""


def test_nothing_runs_beside_a_test_that_is_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notes = pytester.path / "notes"
    pytester.makeconftest('pytest_plugins = ["tests.taking_turns"]')
    pytester.makepyfile(_SUITE.format(notes=str(notes)))
    result = pytester.runpytest_subprocess("-n", "3", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=16)
    runs = [json.loads(line) for line in notes.read_text().splitlines()]
    for name, began, ended in runs:
        if name == "alone":
            beside = [run for run in runs if run[1] < ended and began < run[2]]
            assert beside == [[name, began, ended]]
