"""Help: everything is found from `thrum`, has an example, and costs no import."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs.generate import reference
from thrum_cli import commands as commands_package
from thrum_cli.command import Command, Entry, Group, Option, loaded, summary
from thrum_cli.root import made, thrum

from .shell import Shell

FOLDER = Path(str(commands_package.__file__)).parent
LOADED = """
import sys
before = set(sys.modules)
from thrum_cli.main import main
code = main(sys.argv[1:])
print("\\n" + " ".join(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def commands(group: Group = thrum, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command | Group]]:
    """Every command, with the words that call it."""
    for name, entry in group.entries.items():
        command = loaded(entry)
        yield (*path, name), command
        if isinstance(command, Group):
            yield from commands(command, (*path, name))


EVERY = dict(commands())


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_each_command_has_help_with_an_example(repository: Shell, words: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        output = repository.ok(*words, flag)
        assert output.startswith(f"Usage: thrum {' '.join(words)}")
        assert "\nExamples:\n  " in output and "--json" in output
    assert [line for line in output.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_an_example_is_a_command_line_that_parses(words: tuple[str, ...]) -> None:
    for example in EVERY[words].examples:
        assert "thrum" in example


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_group_says_of_each_command_what_its_help_begins_with(words: tuple[str, ...]) -> None:
    group = EVERY[words[:-1]] if words[:-1] else thrum
    assert isinstance(group, Group)
    first = summary(group.entries[words[-1]])
    assert first == summary(EVERY[words])
    assert first.endswith(".") and first[0].isupper() and len(first) <= 64


def module_of(words: tuple[str, ...], entry: object) -> str:
    """The file in which a command is written, without its ending."""
    if isinstance(entry, Entry):
        return entry.target.partition(":")[0].removeprefix("commands.").replace(".", "/")
    return words[0].replace("-", "_")


def test_the_path_of_a_command_is_what_one_types() -> None:
    """`send` is in send.py, `message get` in message.py, `agent list` in agent/list.py; some share one."""
    files = {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.py")}
    files = {file.removesuffix("/__init__") for file in files if not file.startswith("_")}
    groups = {words: command for words, command in {(): thrum, **EVERY}.items() if isinstance(command, Group)}
    named = {(*words, name): entry for words, group in groups.items() for name, entry in group.entries.items()}
    places = {words: module_of(words, entry) for words, entry in named.items()}
    typed = {words: ["/".join(words[: depth + 1]).replace("-", "_") for depth in range(len(words))] for words in places}
    shared = {words for words, place in places.items() if place not in typed[words]}
    assert {place for words, place in places.items() if words not in shared} == files
    assert {words for words in shared if words[-1:] not in places and ("session", words[-1]) not in places} == {
        ("sent", "show")  # shows what `message get` shows, in the same words
    }


def test_the_parameters_of_a_command_are_its_options() -> None:
    for words, command in EVERY.items():
        if command.function is not None:
            _, *parameters = inspect.signature(command.function).parameters
            options = [option.parameter for option in command.options if not getattr(option, "on_app", False)]
            assert sorted(parameters) == sorted(options), words


def test_each_option_says_what_it_does() -> None:
    options = [(words, option) for words, command in EVERY.items() for option in command.options]
    assert [(words, option.flags) for words, option in options if isinstance(option, Option) and not option.help] == []


def test_thrum_alone_shows_everything_by_topic(repository: Shell) -> None:
    output = repository.ok()
    assert output == repository.ok("--help")
    for words in EVERY:
        if len(words) == 1:
            assert f"\n  {words[0]} " in output
    for heading in thrum.sections:
        assert f"\n{heading}:\n" in output


def test_a_group_alone_shows_its_help(repository: Shell) -> None:
    assert repository.ok("message") == repository.ok("message", "--help")


def test_every_function_of_a_command_takes_the_global_flags() -> None:
    for words, command in EVERY.items():
        read = made(command)
        names = {name for parameter in read.get_params(click.Context(read)) for name in parameter.opts}
        assert {"--json", "--quiet", "--verbose", "--repo", "--role", "--module"} <= names, words


def test_only_wait_fails_with_another_code_than_1() -> None:
    codes = {" ".join(words): command.error_code for words, command in EVERY.items() if isinstance(command, Command)}
    assert {name: code for name, code in codes.items() if code != 1} == {"wait": 2}


def returns_nothing(command: Command | Group) -> bool:
    """Return whether the command prints while it runs and has no result."""
    assert command.function is not None
    return inspect.unwrap(command.function).__annotations__["return"] in ("None", "NoReturn", "int")


def test_the_generated_pages_know_every_command_and_every_answer() -> None:
    pages, answers = reference.commands(), reference.results()
    for words, command in EVERY.items():
        line = " ".join(("thrum", *words))
        assert f"\n## {line}\n" in pages
        assert f"| `{line}` |" in answers or isinstance(command, Group) or returns_nothing(command)
    assert "| `unknown_recipient` |" in reference.codes()
    for name in re.findall(r"\(#(\w+)\)", answers):
        assert f"\n## {name}\n" in answers.lower()


def test_the_list_of_commands_imports_none_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, "--help"], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert [
        name for name in loaded if name.startswith(("thrum_cli.commands", "thrum_mcp", "mcp", "thrum_store.store"))
    ] == []
