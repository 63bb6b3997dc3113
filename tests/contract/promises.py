"""docs/promises.md: each entry of the manifest, what it means, and the tests that show it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .manifest import MANIFEST

TESTS = Path(__file__).parents[1]


def claims(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(entry, test) for each entry that a test of this module says it shows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("requirement"):
                    yield from ((ast.literal_eval(argument), node.name) for argument in decorator.args)


def claimed() -> dict[str, list[tuple[str, str]]]:
    """The tests of each entry: (file, name)."""
    tests_of: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file in sorted(TESTS.rglob("test_*.py")):
        for entry, name in claims(ast.parse(file.read_text(encoding="utf-8"))):
            tests_of[entry].append((file.relative_to(TESTS).as_posix(), name))
    for entry, promise in MANIFEST.items():
        tests_of[entry] += [(file, name) for file, _, name in (test.partition("::") for test in promise.shown)]
    return {entry: tests for entry, tests in tests_of.items() if tests}


def missing() -> list[str]:
    """The tests that the manifest names and that are not there."""
    named = {test for promise in MANIFEST.values() for test in promise.shown}
    return sorted(test for test in named if not _exists(*test.split("::")))


def _exists(file: str, name: str) -> bool:
    path = TESTS / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name for node in tree.body)


def table() -> str:
    """All entries, in the manifest's order."""
    tests = claimed()
    lines = ["| promise | what holds | shown by |", "| --- | --- | --- |"]
    for name, entry in MANIFEST.items():
        first, *more = tests[name]
        shown = f"[{first[1]}](../tests/{first[0]})" + (f" and {len(more)} more" if more else "")
        lines.append(f"| {_cell(entry.quote)} | {_cell(entry.behaviour)} | {shown} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
