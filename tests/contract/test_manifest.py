"""Each promise has a test that names it, and each name that a test gives is a promise."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .manifest import MANIFEST, requirement

TESTS = Path(__file__).resolve().parents[1]


def claims(tree: ast.AST) -> Iterator[str]:
    """The ids in every `@requirement(…)` above a test."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("requirement"):
                    yield from (ast.literal_eval(argument) for argument in decorator.args)


def claimed() -> Counter[str]:
    """How many tests name each entry."""
    files = sorted(TESTS.rglob("test_*.py"))
    return Counter(one for file in files for one in claims(ast.parse(file.read_text(encoding="utf-8"))))


def test_each_entry_has_a_test() -> None:
    assert set(MANIFEST) - set(claimed()) == set()


def test_each_requirement_that_a_test_names_is_an_entry() -> None:
    assert set(claimed()) - set(MANIFEST) == set()


def test_a_promise_says_what_it_means() -> None:
    assert [one for one, entry in MANIFEST.items() if not (entry.quote and entry.behaviour)] == []


def test_an_unknown_requirement_is_refused_where_it_is_written() -> None:
    with pytest.raises(LookupError):
        requirement("no:such:thing")
