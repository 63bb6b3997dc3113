"""Help: everything is found from `thrum`, has an example, and costs no import."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from docs.generate import reference
from thrum_cli.command import Command, Common, LazyGroup
from thrum_cli.root import root

from .shell import Shell

LOADED = """
import sys
before = set(sys.modules)
from thrum_cli.main import main
code = main(sys.argv[1:])
print("\\n" + " ".join(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def commands(group: LazyGroup = root, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Common]]:
    """Every command, with the words that call it."""
    for name in group.entries:
        command = group.get_command(click.Context(group), name)
        assert isinstance(command, Common)
        yield (*path, name), command
        if isinstance(command, LazyGroup):
            yield from commands(command, (*path, name))


EVERY = dict(commands())


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_each_command_has_help_with_an_example(repository: Shell, words: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        told = repository.ok(*words, flag)
        assert told.startswith(f"Usage: thrum {' '.join(words)}")
        assert "\nExamples:\n  " in told and "--json" in told
    assert [line for line in told.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_an_example_is_a_command_line_that_parses(words: tuple[str, ...]) -> None:
    for example in EVERY[words].examples:
        assert "thrum" in example


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_group_says_of_each_command_what_it_does_in_one_short_sentence(words: tuple[str, ...]) -> None:
    group = EVERY[words[:-1]] if words[:-1] else root
    assert isinstance(group, LazyGroup)
    told = group.entries[words[-1]].help
    assert told.endswith(".") and told[0].isupper() and len(told) <= 64


def test_each_option_says_what_it_does() -> None:
    silent = [
        (words, option.opts)
        for words, command in EVERY.items()
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


def test_thrum_alone_shows_everything_by_topic(repository: Shell) -> None:
    told = repository.ok()
    assert told == repository.ok("--help")
    for words in EVERY:
        if len(words) == 1:
            assert f"\n  {words[0]} " in told
    for heading in root.sections:
        assert f"\n{heading}:\n" in told


def test_a_group_alone_shows_its_help(repository: Shell) -> None:
    assert repository.ok("message") == repository.ok("message", "--help")


def test_every_function_of_a_command_takes_the_global_flags() -> None:
    for words, command in EVERY.items():
        names = {name for one in command.get_params(click.Context(command)) for name in one.opts}
        assert {"--json", "--quiet", "--verbose", "--repo", "--role", "--module"} <= names, words


def test_only_wait_fails_with_another_code_than_1() -> None:
    codes = {" ".join(words): one.error_code for words, one in EVERY.items() if isinstance(one, Command)}
    assert {name: code for name, code in codes.items() if code != 1} == {"wait": 2}


def returns_nothing(command: Common) -> bool:
    """Whether it speaks while it runs, in its own way, and answers with nothing."""
    assert command.callback is not None
    return inspect.unwrap(command.callback).__annotations__["return"] in ("None", "NoReturn", "int")


def test_the_generated_pages_know_every_command_and_every_answer() -> None:
    pages, answers = reference.commands(), reference.results()
    for words, command in EVERY.items():
        told = " ".join(("thrum", *words))
        assert f"\n## {told}\n" in pages
        assert f"| `{told}` |" in answers or isinstance(command, LazyGroup) or returns_nothing(command)
    assert "| `unknown_recipient` |" in reference.codes()
    for name in re.findall(r"\(#(\w+)\)", answers):
        assert f"\n## {name}\n" in answers.lower()


def test_the_list_of_commands_imports_none_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, "--help"], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert [
        name for name in loaded if name.startswith(("thrum_cli.commands", "thrum_mcp", "mcp", "thrum_store.store"))
    ] == []
