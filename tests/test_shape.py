"""The shape of the code: small modules, short functions, plain names, unique codes, one seam to the machine, layers.

Import-linter checks the imports (`make layers`); tests/test_homes.py checks that each rule has one home.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source import PACKAGES, ROOT, Function, functions, mentions, modules, name_of, parsed
from thrum_store import errors

LONGEST_MODULE = 300
LONGER = {  # up to 550 lines, and why: each module costs two hundredths of an interpreter's start
    "cli/thrum_cli/command.py": "loaded by every command",
    "cli/thrum_cli/root.py": "the tree of commands and click's reader of it, loaded together",
    "cli/thrum_cli/terminal/output.py": "loaded by every command",
    "thrum_store/log/segments.py": "loaded by every command",
    "thrum_store/machine/host.py": "loaded by every command",
    "thrum_store/repository/paths.py": "loaded by every command and every silent hook",
    "thrum_store/service/message_parts.py": "loaded by every command that shows or sends a message",
    "thrum_store/store.py": "loaded by every command",
    "thrum_store/values.py": "loaded by every command",
    "thrum_store/view/database.py": "loaded by every command",
    "thrum_store/view/projection.py": "loaded by every send",
}
LONGEST_FUNCTION = 50
USUAL_FUNCTION = 20  # nine in ten are no longer
MEDIAN_FUNCTION = 6
EMPTY_WORDS = {"common", "controller", "handler", "helper", "manager", "misc", "shared", "util"}  # and their plurals

STORAGE = "thrum_store/machine/host.py"
CLOCK = "thrum_store/machine/host.py"
GIT_RUNNER = "thrum_store/repository/git_runner.py"
OUTPUT = "cli/thrum_cli/terminal/output.py"

# What asks the machine for something, and the one module that may. A name stands for all that is inside of it.
SEAM_OF = {
    "open": STORAGE,
    "io.open": STORAGE,
    "os.fdopen": STORAGE,
    "os.open": STORAGE,
    "os.rename": STORAGE,
    "os.replace": STORAGE,
    "datetime.date.today": CLOCK,
    "datetime.datetime.now": CLOCK,
    "datetime.datetime.utcnow": CLOCK,
    "random": CLOCK,
    "secrets": CLOCK,
    "time.sleep": CLOCK,
    "time.time": CLOCK,
    "time.time_ns": CLOCK,
    "uuid": CLOCK,
    "os.popen": GIT_RUNNER,
    "os.system": GIT_RUNNER,
    "subprocess": GIT_RUNNER,
    "click.echo": OUTPUT,
    "click.secho": OUTPUT,
    "print": OUTPUT,
}

# Where another module may all the same, and why. An entry that nothing needs any more fails the test below.
ALLOWED = {
    ("thrum_store/machine/abilities.py", "os.open"): "tries locks and memory on a file through two descriptors",
    ("thrum_store/machine/kernel.py", "open"): "reads the system's own files about itself; some are links",
    ("thrum_store/machine/links.py", "os.rename"): "makes a second name or a link in one step",
    ("thrum_store/machine/mounts.py", "open"): "reads the system's table of mounts",
    ("cli/thrum_cli/hooks/queueing.py", "os.open"): "opens the null device: a listener holds nothing of its client's",
    ("cli/thrum_cli/clients/files.py", "open"): "the user's own files: their mode and the links to them stay",
    ("cli/thrum_cli/clients/files.py", "os.open"): "writes beside such a file, with its mode",
    ("cli/thrum_cli/clients/files.py", "os.replace"): "puts the new file in the old one's place",
    ("cli/thrum_cli/clients/installation.py", "subprocess"): "asks another program of our name for its version",
    ("cli/thrum_cli/clients/start_check.py", "subprocess"): "starts thrum as a client would, and runs no git",
    ("thrum_mcp/daemon/process/control.py", "subprocess"): "starts our own interpreter as the daemon, and runs no git",
    (
        "thrum_mcp/transport/early_answers.py",
        "open",
    ): "reads data that ships with the program, before anything heavy is loaded",
    ("thrum_mcp/transport/pipes.py", "os.open"): "opens the null device in place of standard input",
    ("thrum_store/machine/storage_errors.py", "os.open"): "finds out which file SQLite could not open, and why",
    ("thrum_store/view/rebuild.py", "open"): "reads the schema, which ships with the program",
    ("thrum_store/identity.py", "open"): "reads a file that belongs to the worktree, before there is a store",
    (
        "thrum_store/repository/git_files.py",
        "os.open",
    ): "reads git's own small files, before there is a store or a seam",
    (
        "thrum_store/repository/ignore_file.py",
        "open",
    ): "writes the user's ignore file in place: its mode and a link to it stay",
}


# --- sizes and names ------------------------------------------------------------------------------------------------


def length(function: Function) -> int:
    """Lines from `def` to the end, without decorators and docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def lengths() -> dict[str, int]:
    """The length of each function that ships, by where it stands."""
    return {
        f"{name_of(path)}:{function.lineno} {function.name}": length(function)
        for path in modules()
        for function in functions(parsed(path))
    }


def test_a_module_fits_in_the_head() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    longer = {name: size for name, size in sizes.items() if size > LONGEST_MODULE}
    assert set(longer) == set(LONGER), longer
    assert {name: size for name, size in longer.items() if size > 550} == {}


def test_a_function_fits_on_a_screen() -> None:
    assert {name: size for name, size in lengths().items() if size > LONGEST_FUNCTION} == {}


def test_nine_in_ten_functions_fit_in_a_glance_and_half_of_them_in_a_few_lines() -> None:
    sizes = sorted(lengths().values())
    assert sizes[len(sizes) * 9 // 10] <= USUAL_FUNCTION
    assert sizes[len(sizes) // 2] <= MEDIAN_FUNCTION


def test_a_module_is_named_for_what_it_holds() -> None:
    words = {name_of(path): {word.removesuffix("s") for word in path.stem.split("_")} for path in modules()}
    assert [name for name, parts in words.items() if parts & EMPTY_WORDS] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return 1\n", 2),
        ('def f():\n    """One\n    two."""\n    return 1\n', 2),
        ("@decorated\n@twice\ndef f(): ...\n", 1),
        ("async def f(\n    a,\n):\n    return a\n", 4),
    ],
)
def test_a_docstring_or_a_decorator_does_not_make_a_function_longer(source: str, expected: int) -> None:
    assert [length(function) for function in functions(ast.parse(source))] == [expected]


# --- words ----------------------------------------------------------------------------------------------------------

EMPTY_NAMES = {"found", "here", "one", "said", "there", "told", "what"}  # say the noun: fields, payload, shard, message
RIDDLES = {
    "How",
    "What",
    "Whatever",
    "Where",
    "Whether",
    "Who",
    "Whoever",
}  # a docstring names the thing, or says what to do
LONGEST_FIRST_LINE = 120
READ = (*PACKAGES, "docs/generate", "toolkit", "tests", "benchmarks")


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a module gives to something, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield node.lineno, name
            case _:
                pass


def empty_names(tree: ast.AST) -> list[tuple[int, str]]:
    """Return the names that do not say what they hold, with their lines."""
    return [(line, name) for line, name in bound_names(tree) if name in EMPTY_NAMES]


def riddles(tree: ast.AST) -> list[tuple[int, str]]:
    """Return the first lines of docstrings that are too long or begin like a question, with their lines."""
    documented = (node for node in ast.walk(tree) if isinstance(node, Function | ast.ClassDef | ast.Module))
    first_lines = (
        (getattr(node, "lineno", 1), (ast.get_docstring(node) or "The thing").splitlines()[0]) for node in documented
    )
    return [
        (line, text)
        for line, text in first_lines
        if len(text) > LONGEST_FIRST_LINE or text.split()[0].strip(",:;") in RIDDLES
    ]


def test_a_name_says_what_it_holds() -> None:
    names = {name_of(path): empty_names(parsed(path)) for path in modules(*READ)}
    assert {module: lines for module, lines in names.items() if lines} == {}


def test_a_docstring_begins_with_the_thing_or_the_action() -> None:
    lines = {name_of(path): riddles(parsed(path)) for path in modules(*READ)}
    assert {module: texts for module, texts in lines.items() if texts} == {}


@pytest.mark.parametrize(
    "source",
    [
        "found = 1", "found: int = 1", "found += 1", "a, *found = b", "a.found = 1", "(found := 1)", "def found(): ...",
        "async def f(*, found): ...", "def f(*found): ...", "lambda found: 1", "[1 for found in a]", "class found: ...",
        "for found in a: ...", "with a as found: ...", "import a as found", "from a import b as found",
        "try: ...\nexcept E as found: ...", "match a:\n case {'x': found}: ...", "match a:\n case {**found}: ...",
        "match a:\n case [*found]: ...",
    ],
)  # fmt: skip
def test_a_planted_empty_name_is_seen(source: str) -> None:
    assert [name for _, name in empty_names(ast.parse(source))] == ["found"]


@pytest.mark.parametrize("source", ["a.found()", "f(found=1)", "'found'", "founder = 1", "print(here)"])
def test_a_name_that_others_gave_passes(source: str) -> None:
    assert empty_names(ast.parse(source)) == []


@pytest.mark.parametrize("text", ["What it does.", "Whether, then.", f"Return {'x' * 120}"])
@pytest.mark.parametrize("source", ["{}", "def f():\n {}", "async def f():\n {}", "class C:\n {}"])
def test_a_planted_riddle_is_seen(source: str, text: str) -> None:
    assert [first for _, first in riddles(ast.parse(source.format(repr(text))))] == [text]


# --- errors ---------------------------------------------------------------------------------------------------------


def error_classes(root: type[errors.ThrumError] = errors.ThrumError) -> Iterator[type[errors.ThrumError]]:
    """`root` and every class below it."""
    yield root
    for child in root.__subclasses__():
        yield from error_classes(child)


def test_each_error_has_a_code_of_its_own() -> None:
    codes = Counter(error.code for error in set(error_classes()) if "code" in vars(error))
    assert {code: count for code, count in codes.items() if count > 1} == {}


def test_each_error_stands_in_the_tree_that_the_module_draws() -> None:
    drawn = set((errors.__doc__ or "").replace("│", " ").replace("├──", " ").replace("└──", " ").split())
    assert {error.__name__ for error in error_classes() if error.__module__ == errors.__name__} <= drawn


# --- one seam to the machine ----------------------------------------------------------------------------------------


def machine_uses(source: str) -> set[tuple[int, str]]:
    """Return each use of the machine in a module: (line, the name in SEAM_OF)."""
    return {
        (line, name)
        for line, dotted in mentions(ast.parse(source))
        for name in SEAM_OF
        if dotted == name or dotted.startswith(name + ".")
    }


def uses_outside_the_seams() -> dict[tuple[str, str], int]:
    """(module, name) -> line, for each use in another module than the one in SEAM_OF."""
    return {
        (name_of(path), used): line
        for path in modules()
        for line, used in machine_uses(path.read_text(encoding="utf-8"))
        if SEAM_OF[used] != name_of(path)
    }


def test_only_the_seams_ask_the_machine() -> None:
    """Time, randomness, disk, git and the terminal are arguments everywhere else; the fault tests rest on that."""
    uses = uses_outside_the_seams()
    assert {where: line for where, line in uses.items() if where not in ALLOWED} == {}


def test_no_exception_outlives_its_reason() -> None:
    assert set(ALLOWED) - set(uses_outside_the_seams()) == set()


@pytest.mark.parametrize(
    ("source", "used"),
    [
        ("open('x')", "open"),
        ("import os\nos.rename('a', 'b')", "os.rename"),
        ("import os as system\nsystem.replace('a', 'b')", "os.replace"),
        ("def f():\n    from os import rename as move\n    move('a', 'b')", "os.rename"),
        ("import time\ndef f(now=time.time): ...", "time.time"),
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("import subprocess", "subprocess"),
        ("from random import choice", "random"),
        ("import os.path\nos.replace('a', 'b')", "os.replace"),
        ("print('x')", "print"),
    ],
)
def test_a_planted_use_of_the_machine_is_found(source: str, used: str) -> None:
    assert used in {name for _, name in machine_uses(source)}


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.path.join('a', 'b')",
        "import time\ntime.monotonic()",
        "def open(path): ...\nopen('x')",
        "from .database import open\nopen('x')",
        "from . import database\ndatabase.open('x')",
        "storage.open('x')",
        "randomness = 1",
    ],
)
def test_what_only_looks_like_a_use_of_the_machine_passes(source: str) -> None:
    assert machine_uses(source) == set()


# --- layers ---------------------------------------------------------------------------------------------------------

MOST_LAYERS = 15


def checked_layers() -> dict[str, list[set[str]]]:
    """Return the layers of each package that import-linter checks, from top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return {
        container: [set(layer.split(" | ")) for layer in contract["layers"]]
        for contract in contracts
        for container in contract.get("containers", ())
    }


def test_each_module_and_folder_at_the_top_of_a_package_has_its_layer() -> None:
    names = {package: set[str]().union(*layers) for package, layers in checked_layers().items()}
    assert names == {
        path.split("/")[-1]: {name.removesuffix("/") for name in top_level(ROOT / path)} for path in PACKAGES
    }


def test_the_layers_fit_in_the_head() -> None:
    assert {package: len(layers) for package, layers in checked_layers().items() if len(layers) > MOST_LAYERS} == {}


# --- the map in ARCHITECTURE.md -------------------------------------------------------------------------------------


def drawn_layers() -> dict[str, list[set[str]]]:
    """Return the layers of each package as ARCHITECTURE.md draws them, from top to bottom; a folder ends in `/`."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    drawing = text.partition("## The map")[2].partition("```\n")[2].partition("```")[0]
    layers: dict[str, list[set[str]]] = {}
    for line in filter(None, drawing.splitlines()):
        names = line.strip().split("  ")[0]
        if line.startswith("  "):
            layers[list(layers)[-1]].append(set(names.split(" | ")))
        else:
            layers[names] = []
    return layers


def top_level(folder: Path) -> set[str]:
    """Return the modules and the folders of a package, a folder with `/` behind its name."""
    folders = {f"{path.parent.name}/" for path in folder.glob("*/__init__.py")}
    return folders | {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}


def test_the_drawing_of_the_architecture_is_the_folder_tree() -> None:
    drawn = {package: set[str]().union(*layers) for package, layers in drawn_layers().items()}
    assert drawn == {path.split("/")[-1]: top_level(ROOT / path) for path in PACKAGES}


def test_the_drawing_has_the_order_that_import_linter_checks() -> None:
    drawn = {
        package: [{name.removesuffix("/") for name in names} for names in layers]
        for package, layers in drawn_layers().items()
    }
    assert drawn == checked_layers()
