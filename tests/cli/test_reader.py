"""The small reader of plain lines: click reads each of them in the same way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import click
import pytest

from thrum_cli.command import (
    EVERYDAY,
    GLOBAL_FLAGS,
    App,
    Argument,
    Command,
    Group,
    Option,
    Usage,
    is_option,
    loaded,
    read,
)
from thrum_cli.root import made, thrum
from thrum_store.values import replaced

TEXTS = (
    "x",
    "",
    "-",
    "two words",
    "ünïcödé 🙂",
    "a=b",
    "@builder",
    "module:auth",
    "0",
    "-30s",
    "send",
    "--json",
    "--",
    "- item",
    "--- a/x.py",
    "-1",
    "->",
    "--to be said",
    "-é",
)
NUMBERS = ("1", "10", "007", "99999")
ODD_NUMBERS = ("", "-1", "+5", " 3", "1_000", "٣", "1.5", "x", "9999999999", "0")
JUNK = (
    *TEXTS, *ODD_NUMBERS, "-h", "--help", "--version", "-a", "-ax", "-a=1", "--all=1", "--pag", "--page", "--page=",
    "--to", "--to=", "--too", "--no-json", "--json=1", "--quiet", "--role", "--repo=", "--stdin", "--unread", "message",
    "read", "--", "---", "--=x", "-=", "--thread", "get", "--body-file",
)  # fmt: skip
ATTRIBUTES = [flag.parameter for flag in GLOBAL_FLAGS]


class Reading(NamedTuple):
    """A command with its values, and the App's attributes."""

    command: Command
    values: dict[str, Any]
    app: dict[str, Any]


def recording(declared: Command | Group) -> Command | Group:
    """Return a command whose function returns the command and its values instead of running it."""
    if isinstance(declared, Command):

        def record(app: App, **values: object) -> Reading:
            return Reading(declared, values, attributes(app))

        return replaced(declared, function=record)
    members = {name: recording(loaded(entry)) for name, entry in declared.entries.items()}
    return replaced(declared, sections={"": members})


def attributes(app: App) -> dict[str, Any]:
    """Return the global flags, and the exit code of failures."""
    return {name: getattr(app, name) for name in [*ATTRIBUTES, "error_code"]}


EVERY = {name: loaded(thrum.entries[name]) for name in EVERYDAY}
RECORDING = replaced(thrum, sections={"": {name: recording(command) for name, command in EVERY.items()}})


def by_click(line: list[str]) -> Reading | None:
    """Return click's reading; None if it refuses the line, or answers by itself."""
    try:
        result = made(RECORDING).main(line, prog_name="thrum", standalone_mode=False, obj=App())
    except (click.ClickException, Usage):
        return None
    return result if isinstance(result, Reading) else None


def by_reader(line: list[str]) -> Reading | None:
    """Return the small reader's reading; None for a line that it leaves to click."""
    plain = read(line)
    if plain is None:
        return None
    recorder = recording(plain.command)
    assert isinstance(recorder, Command)
    reading = replaced(plain, command=recorder).run(App())
    assert isinstance(reading, Reading)
    return reading


# --- lines ------------------------------------------------------------------------------------------------------------


def plain_line(chance: random.Random) -> list[str]:
    """Return a valid line of an everyday command, with options in any place and global flags at any level."""
    name = chance.choice(EVERYDAY)
    declared, words = EVERY[name], [*flags(chance), name]
    if isinstance(declared, Group):
        member = chance.choice(list(declared.entries))
        declared, words = loaded(declared.entries[member]), [*words, *flags(chance), member]
    assert isinstance(declared, Command)
    options = [option for option in declared.options if isinstance(option, Option) and option.kind != "file"]
    parts = [*given(chance, options), *given(chance, GLOBAL_FLAGS, 2)]
    separated = chance.random() < 0.2
    after: list[str] = []
    for word in arguments(chance, declared):
        if separated:
            after.append(word)
        elif word != "--" and not is_option(word):
            parts.append([word])
        else:
            after.append(word)
    chance.shuffle(parts)
    return [*words, *(word for part in parts for word in part), *(["--", *after] if after or separated else [])]


def flags(chance: random.Random) -> list[str]:
    """Return some global flags with their values."""
    return [word for part in given(chance, GLOBAL_FLAGS, chance.choice((0, 0, 1, 2))) for word in part]


def given(chance: random.Random, options: Any, most: int = 4) -> Iterator[list[str]]:
    """Yield some of the options, a few repeated, each as its words."""
    for option in chance.choices(options, k=chance.randint(0, most)) if options else ():
        spelling = chance.choice(option.flags.split())
        value = chance.choice(NUMBERS if option.kind == "integer" else TEXTS)
        if not option.metavar:
            yield [spelling]
        else:
            yield [f"{spelling}={value}"] if chance.random() < 0.4 or is_option(value) else [spelling, value]


def arguments(chance: random.Random, command: Command) -> list[str]:
    """Return as many arguments as the command takes."""
    declared = [argument for argument in command.options if isinstance(argument, Argument)]
    counts = [chance.randint(0, 3) if argument.many else 1 for argument in declared]
    while declared and not declared[-1].required and not declared[-1].many and chance.random() < 0.2:
        declared.pop()
        counts.pop()
    return [chance.choice(TEXTS) for _ in range(sum(counts))]


def spoilt_line(chance: random.Random) -> list[str]:
    """Return a line in which words were inserted, removed, repeated or moved."""
    words = plain_line(chance)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(words) + 1)
        change = chance.choice(("insert", "insert", "remove", "repeat", "move"))
        if change == "insert" or not words[place:]:
            words.insert(place, chance.choice(JUNK))
        elif change == "remove":
            del words[place]
        elif change == "repeat":
            words.insert(place, words[place])
        else:
            words.insert(chance.randrange(len(words)), words.pop(place))
    return words


def compare(make: Callable[[random.Random], list[str]], count: int, seed: int) -> tuple[int, int]:
    """Compare both readers on so many lines; return how many click and the small reader took."""
    chance, taken, answered = random.Random(seed), 0, 0
    for _ in range(count):
        line = make(chance)
        expected, plain = by_click(line), by_reader(line)
        assert plain is None or plain == expected, line
        taken += expected is not None
        answered += plain is not None
    return taken, answered


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_the_small_reader_reads_plain_lines_as_click_does(count: int) -> None:
    taken, answered = compare(plain_line, count, seed=count)
    assert taken == count
    assert answered >= 0.95 * count


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_the_small_reader_leaves_a_spoilt_line_to_click_or_reads_it_alike(count: int) -> None:
    taken, answered = compare(spoilt_line, count, seed=count)
    assert 0 < answered <= taken < count


@pytest.mark.parametrize(
    "line",
    [
        "", "--json", "--version", "send --help", "-h", "send -h", "-- send x", "nonsense", "sent", "send x --json=1",
        "send x --body-file README.md", "reply", "whoami x", "reply a b c", "message", "message nonsense",
        "message get", "inbox --pag 2", "inbox --page", "inbox --page x", "inbox --page -1", "inbox --page=",
        "inbox --unread=yes", "inbox -au",
    ],
)  # fmt: skip
def test_a_line_that_is_not_plain_is_left_to_click(line: str) -> None:
    assert read(line.split()) is None


@pytest.mark.parametrize("name", EVERYDAY)
def test_both_readers_load_a_command_from_the_same_place(name: str) -> None:
    declared = EVERY[name]
    line = [name, *(["msg_1", "x"] if name == "reply" else ["get", "msg_1"] if name == "message" else [])]
    plain = read(line)
    assert plain is not None
    assert plain.command is (loaded(declared.entries["get"]) if isinstance(declared, Group) else declared)
