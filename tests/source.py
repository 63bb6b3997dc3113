"""The source of the product as syntax trees, for the tests of its shape."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("thrum_store", "thrum_mcp", "cli/thrum_cli")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules(*packages: str) -> tuple[Path, ...]:
    """Return every module of these packages; without any, of those that ship."""
    return tuple(path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py")))


def name_of(path: Path) -> str:
    """Return the path of a module from the root."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function and method, also those inside of others."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def mentions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every dotted name that a module imports or uses, resolved, with its line."""
    names = imported_names(tree)
    own = own_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, item.name) for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, _from(node, item)) for item in node.names)
        elif isinstance(node, ast.Name | ast.Attribute):
            dotted = resolved(node, names, own)
            if dotted:
                yield node.lineno, dotted


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return the full name of each imported name, wherever it is imported: `{"now": "time.time"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= dict(_bound(item) for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            names |= {item.asname or item.name: _from(node, item) for item in node.names}
    return names


def _bound(item: ast.alias) -> tuple[str, str]:
    """Return the name that an import binds: `import a.b` binds a, `import a.b as c` binds c to a.b."""
    top = item.name.partition(".")[0]
    return (item.asname, item.name) if item.asname else (top, top)


def _from(node: ast.ImportFrom, item: ast.alias) -> str:
    return "." * node.level + f"{node.module or ''}.{item.name}"


def own_names(tree: ast.Module) -> set[str]:
    """Return the functions and classes of a module: its own `open` is not the machine's."""
    return {node.name for node in tree.body if isinstance(node, Function | ast.ClassDef)}


def resolved(node: ast.expr, names: dict[str, str], own: set[str]) -> str | None:
    """Return the full name of an imported or built-in name: `time.time` after `from time import time` for `time`."""
    if isinstance(node, ast.Attribute):
        base = resolved(node.value, names, own)
        return base and f"{base}.{node.attr}"
    if not isinstance(node, ast.Name):
        return None
    if node.id in names:
        return names[node.id]
    return node.id if hasattr(builtins, node.id) and node.id not in own else None


def last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name: `config` for `store.paths.config`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
