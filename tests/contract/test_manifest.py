"""The manifest, both ways: each promise has a test, each test that names a promise names one that exists."""

from __future__ import annotations

import pytest

from docs.generate import reference
from thrum_cli.command import Group

from .manifest import MANIFEST, requirement
from .promises import claimed, missing


def test_each_entry_has_a_test() -> None:
    assert set(MANIFEST) - set(claimed()) == set()


def test_each_requirement_that_a_test_names_is_an_entry() -> None:
    assert set(claimed()) - set(MANIFEST) == set()


def test_each_test_that_the_manifest_names_exists() -> None:
    assert missing() == []


def test_each_command_is_promised() -> None:
    words = {
        line.removeprefix("thrum ").replace(" ", ":")
        for line, command in reference.every()
        if not isinstance(command, Group)
    }
    assert words - set(MANIFEST) == set()


def test_a_promise_says_what_it_means() -> None:
    assert [name for name, entry in MANIFEST.items() if not (entry.quote and entry.behaviour)] == []


def test_an_unknown_requirement_is_refused_where_it_is_written() -> None:
    with pytest.raises(LookupError):
        requirement("no:such:thing")
