"""What the licence check makes of packages' metadata."""

import pytest

from devtool.licences import is_allowed, spdx

ALLOWED = {"MIT", "BSD-3-Clause", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"}


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "MIT AND BSD-3-Clause",
        "GPL-3.0-only OR MIT",
        "(MIT OR GPL-2.0-only)",
        "BSD-3-Clause AND Apache-2.0 WITH LLVM-exception",
    ],
)
def test_a_licence_that_can_be_met_is_allowed(licence: str) -> None:
    assert is_allowed(licence, ALLOWED)


@pytest.mark.parametrize("licence", ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "UNKNOWN"])
def test_a_licence_that_cannot_be_met_or_is_unknown_is_not(licence: str) -> None:
    assert not is_allowed(licence, ALLOWED)


def test_the_expression_is_believed_before_the_older_fields() -> None:
    fields = {"License-Expression": "MIT", "License": "GPL"}
    assert spdx(fields, ["License :: OSI Approved :: BSD License"]) == "MIT"


def test_a_whole_licence_text_in_the_field_leaves_it_to_the_classifier() -> None:
    fields = {"License": "Permission is hereby granted, free of charge, to any person " * 3}
    assert spdx(fields, ["License :: OSI Approved :: MIT License"]) == "MIT"


def test_nothing_stated_is_nothing() -> None:
    assert spdx({}, ["Programming Language :: Python :: 3"]) == ""
