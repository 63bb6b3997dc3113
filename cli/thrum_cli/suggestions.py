"""The line to type instead of one that cannot be read: from a table of foreign words, or by likeness."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

from . import foreign_commands, foreign_options
from .command import GLOBAL_FLAGS, Argument, Command, Group, Option, is_option, loaded

_LONGEST = 300  # characters of a line that is worth showing


class UnknownCommand(click.UsageError):
    """Raised if a word is no command of its group."""

    def __init__(self, word: str, near: str, ctx: click.Context) -> None:
        super().__init__(f"unknown command {word!r} for {ctx.command_path}", ctx)
        self.word = word
        self.near = near

    def format_message(self) -> str:
        """Return the message with the commands that look like the word."""
        return self.message + self.near


def refusal(root: Group, arguments: Sequence[str], error: click.UsageError) -> tuple[str, str | None]:
    """Return what is wrong with a line, and the hint with the line to type instead, if one is near."""
    hint = _suggestion(root, arguments, error)
    alone = hint is not None and isinstance(error, UnknownCommand | click.NoSuchOption)
    sentence = error.message if alone else error.format_message()
    return sentence.replace("No such option '", "unknown flag: '"), hint


class _Line(NamedTuple):
    """A line that cannot be read: what stands before the command's last word, its path, and what follows."""

    before: list[str]
    path: tuple[str, ...]
    rest: list[str]

    @property
    def name(self) -> str:
        return " ".join(self.path)

    def with_rest(self, rest: Sequence[str]) -> str:
        """Return the line with other words behind the command."""
        return _typed((*self.before, *self.path, *rest))


def _suggestion(root: Group, arguments: Sequence[str], error: click.UsageError) -> str | None:
    """Return a hint with the line to type instead; None if no line is near."""
    if error.ctx is None:
        return None
    line = _split(arguments, tuple(error.ctx.command_path.split()[1:]))
    if isinstance(error, UnknownCommand):
        return _command(root, line, error.word)
    declared = getattr(error.ctx.command, "declared", None)
    if isinstance(error, click.NoSuchOption):
        return _option(line, error)
    if isinstance(error, click.BadOptionUsage):
        return _flag_with_value(line, declared)
    if isinstance(error, click.MissingParameter) and isinstance(declared, Command):
        return f"for example `{declared.examples[0]}`"
    if isinstance(error, click.BadParameter):
        return _number(line, error)
    if isinstance(declared, Command) and type(error) is click.UsageError:
        return _surplus(line, declared)
    return None


def _split(arguments: Sequence[str], path: tuple[str, ...]) -> _Line:
    """Return the parts of a line whose command is at this path; a command that was left out stands in its place."""
    before: list[str] = []
    rest = list(arguments)
    for word in path:
        if word in rest:
            place = rest.index(word)
            before += rest[:place]
            rest = rest[place + 1 :]
    return _Line(before, path, rest)


def _typed(words: Sequence[str]) -> str:
    """Return a line as one types it; variables stand before `thrum`."""
    return shlex.join(("thrum", *words))


def _hint(line: str) -> str | None:
    return f"`{line}`" if len(line) <= _LONGEST and line.isprintable() else None


# --- unknown commands -------------------------------------------------------------------------------------------------


def _command(root: Group, line: _Line, word: str) -> str | None:
    place = line.rest.index(word) if word in line.rest else 0
    before, rest = [*line.before, *line.rest[:place]], line.rest[place + 1 :]
    for taken in range(min(1, len(rest)), -1, -1):
        meant = foreign_commands.COMMANDS.get(" ".join((*line.path, word.lower(), *rest[:taken])))
        if meant is not None:
            return _replaced(before, meant, rest[taken:])
    own = _near(root, line.path, word.lower().replace("_", "-"), bool(rest))
    return _hint(_typed((*before, *own, *rest))) if own else None


def _replaced(before: list[str], meant: str, rest: list[str]) -> str | None:
    """Return the hint for a word of the table: a sentence, or the line with our words in its place."""
    if meant.endswith("."):
        return meant.removesuffix(".")
    if meant == "send" and rest and rest[0].startswith("@"):
        rest = _addressed(rest, [])
    return _hint(_typed((*before, *meant.split(), *rest)))


def _near(root: Group, path: tuple[str, ...], word: str, more: bool) -> tuple[str, ...] | None:
    """Return the path of the command that a word means in this group, or the one of that name in another group."""
    group = _group(root, path)
    for candidate in (word, f"{word}s", word.removesuffix("s"), *_synonyms(word)):
        if candidate in group.entries:
            member = loaded(group.entries[candidate])
            listed = isinstance(member, Group) and not more and "list" in member.entries
            return (*path, candidate, "list") if listed else (*path, candidate)
    if path:
        return None
    return next((path for path in _paths(root) if path[-1] == word), None)


def _group(group: Group, path: tuple[str, ...]) -> Group:
    for word in path:
        member = loaded(group.entries[word])
        assert isinstance(member, Group)
        group = member
    return group


def _paths(group: Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the paths of all commands below a group, in the order of the help."""
    paths: list[tuple[str, ...]] = []
    for name, entry in group.entries.items():
        paths.append((*path, name))
        member = loaded(entry)
        if isinstance(member, Group):
            paths += _paths(member, (*path, name))
    return paths


def _synonyms(word: str) -> list[str]:
    return [other for words in foreign_commands.SYNONYMS if word in words for other in words if other != word]


# --- options ----------------------------------------------------------------------------------------------------------


def _option(line: _Line, error: click.NoSuchOption) -> str | None:
    """Return the line with the option that an unknown one means."""
    place = next((place for place, word in enumerate(line.rest) if _is(word, error.option_name)), None)
    if place is None:
        return None
    option, equals, attached = line.rest[place].partition("=")
    meant = _meant(line.name, option)
    if meant is None or meant.endswith("."):
        return meant and meant.removesuffix(".")
    behind = [attached] if equals else []
    return _rewritten(line, line.rest[:place], meant, [*behind, *line.rest[place + 1 :]], error)


def _is(word: str, option: str) -> bool:
    """Return whether a word is this option, with a value behind `=`, or begins with it as `-json` with `-j`."""
    name = word.partition("=")[0]
    return name == option or (len(option) == 2 and name[:2] == option)


def _meant(command: str, option: str) -> str | None:
    for table in (foreign_options.OPTIONS.get(command or "thrum", {}), foreign_options.OPTIONS[""]):
        if option in table:
            return table[option]
    return option.replace("_", "-") if "_" in option else None


def _rewritten(line: _Line, before: list[str], meant: str, after: list[str], error: click.NoSuchOption) -> str | None:
    """Return the hint for an option: `meant` as in `foreign_options.OPTIONS`, `after` begins with its value."""
    variable, equals, fixed = meant.partition("=")
    if equals:
        value, after = (fixed, after) if fixed else (after[0] if after else "VALUE", after[1:])
        return _hint(f"{variable}={shlex.quote(value)} {line.with_rest((*before, *after))}")
    if meant == "TEXT":
        return _hint(line.with_rest((*before, *after)))
    if meant.endswith("/"):
        after = after[1:]
    option = meant.removesuffix("/")
    if option.startswith("-") and not _accepted(option, error):
        return None
    return _hint(line.with_rest((*before, *([option] if option else []), *after)))


def _accepted(option: str, error: click.NoSuchOption) -> bool:
    assert error.ctx is not None
    return any(option in parameter.opts for parameter in error.ctx.command.get_params(error.ctx))


def _flag_with_value(line: _Line, declared: Command | Group | None) -> str | None:
    """Return the line without the value of a flag: `--unread=true` is `--unread`, and `--unread=false` is nothing."""
    opposites = dict(_opposites(declared))
    rest: list[str] = []
    for word in line.rest:
        option, _, value = word.partition("=")
        if not (word.startswith("--") and value.lower() in ("true", "false", "1", "0")):
            rest.append(word)
        elif value.lower() in ("true", "1"):
            rest.append(option)
        elif option in opposites:
            rest.append(opposites[option])
    return _hint(line.with_rest(rest)) if rest != line.rest else None


def _opposites(declared: Command | Group | None) -> Iterator[tuple[str, str]]:
    for option in declared.options if declared else ():
        if isinstance(option, Option) and "/" in option.flags:
            flag, _, opposite = option.flags.partition("/")
            yield flag, opposite
            yield opposite, flag


# --- arguments --------------------------------------------------------------------------------------------------------


def _number(line: _Line, error: click.BadParameter) -> str | None:
    """Return the line with the number alone, where one was given with a unit, as `30d`."""
    for place, word in enumerate(line.rest):
        digits = word.rstrip("smhd")
        if digits.isdecimal() and digits != word and f"'{word}'" in error.message:
            return _hint(line.with_rest((*line.rest[:place], digits, *line.rest[place + 1 :])))
    return None


def _surplus(line: _Line, declared: Command) -> str | None:
    """Return the line for one with more arguments than the command takes."""
    words = list(_arguments(line, declared))
    texts = [line.rest[place] for place in words]
    others = [word for place, word in enumerate(line.rest) if place not in words]
    if not texts:
        return None
    meant = foreign_commands.COMMANDS.get(f"{line.name} {texts[0]}")
    if meant is not None:
        return _replaced(line.before, meant, [*texts[1:], *others])
    if line.name == "send":
        return _hint(line.with_rest(_addressed(texts, others)))
    if line.name == "inbox" and texts[0].startswith("msg_"):
        return _hint(_typed(("message", "get", *texts)))
    return _placed(line, declared, texts, others)


def _placed(line: _Line, declared: Command, texts: list[str], others: list[str]) -> str | None:
    taken = sum(isinstance(option, Argument) for option in declared.options)
    if line.name in foreign_commands.VALUES and len(texts) == 1:
        return _hint(_valued(line, texts[0], others))
    if line.name in foreign_commands.TEXTS:
        return _hint(line.with_rest((*texts[: taken - 1], " ".join(texts[taken - 1 :]), *others)))
    if line.name in foreign_commands.THEN:
        then = [_typed((*foreign_commands.THEN[line.name].split(), texts[0], text)) for text in texts[taken:]]
        return _hint(" && ".join((line.with_rest((*texts[:taken], *others)), *then)))
    if line.name in foreign_commands.ONE_BY_ONE:
        fixed, each = texts[: taken - 1], texts[taken - 1 :]
        return _hint(" && ".join(line.with_rest((*fixed, text, *others)) for text in each))
    return None


def _valued(line: _Line, text: str, others: list[str]) -> str:
    """Return the line with an argument as the value of the option that is meant."""
    if line.name == "context save" and " " in text:
        return f"echo {shlex.quote(text)} | {line.with_rest(others)}"
    option = "--repo" if line.name == "init" and not text.isalnum() else foreign_commands.VALUES[line.name]
    value = f"{text}s" if option == "--timeout" and text.isdecimal() else text
    return line.with_rest((option, value, *others))


def _arguments(line: _Line, declared: Command) -> Iterator[int]:
    """Yield the places of the words that are no options and no values of options."""
    valued = {
        spelling
        for option in (*GLOBAL_FLAGS, *declared.options)
        if isinstance(option, Option) and option.metavar
        for spelling in option.flags.split()
    }
    skipped = False
    for place, word in enumerate(line.rest):
        if not skipped and not is_option(word):
            yield place
        skipped = not skipped and word in valued


def _addressed(texts: list[str], others: list[str]) -> list[str]:
    """Return the words of a send: those that begin with @ are recipients, the rest is the text."""
    names = [text for text in texts if text.startswith("@")]
    spoken = [text for text in texts if not text.startswith("@")]
    return [" ".join(spoken) or "TEXT", *others, *(word for name in names for word in ("--to", name))]
