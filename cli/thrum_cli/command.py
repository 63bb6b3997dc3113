"""Declarations of commands, by a table of their options, their small reader, and the App that each command is given.

Nothing here loads click: `root` makes click's commands from these records, and reads what the small reader leaves.
"""

from __future__ import annotations

import sys

from thrum_store import identity, values
from thrum_store.errors import Invalid, ThrumError
from thrum_store.identity import Given
from thrum_store.repository import paths
from thrum_store.values import Record, plural

from .terminal import output
from .terminal.output import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from typing import Any

    from thrum_store.identity import Caller
    from thrum_store.repository.paths import Paths
    from thrum_store.service.messages.sending import Sent
    from thrum_store.store import Store

    from .terminal.progress import Counting

    Function = Callable[..., Any]
    Returns = type | tuple[type, ...]
    Sections = Mapping[str, Mapping[str, "Entry | Command | Group"]]
    from typing import Any, BinaryIO


# --- declarations -----------------------------------------------------------------------------------------------------


class Usage(ThrumError):
    """Raised if the command line is not valid."""

    code = "usage"


class Option(Record):
    """An option of a command; without a metavar it is a flag.

    `flags` are its spellings, separated by spaces (`--all -a`), or an exclusive pair (`--local/--remote`). The
    function gets the value as `name`, by default the first spelling; with `on_app` the App gets it instead. `kind` is
    text, integer or file (opened to read bytes); `least` and `most` bound an integer. `complete` names a function of
    `completion`.
    """

    flags: str
    help: str
    metavar: str = ""
    name: str = ""
    default: str | int | None = None
    multiple: bool = False
    kind: str = "text"
    least: int | None = None
    most: int | None = None
    complete: str = ""
    on_app: bool = False

    @property
    def parameter(self) -> str:
        """The name of the function's parameter."""
        return self.name or self.flags.split()[0].partition("/")[0].lstrip("-").replace("-", "_")


class Argument(Record):
    """An argument of a command; `many` takes all that are given. `kind`, `least` and `complete` as of an option."""

    name: str
    metavar: str = ""
    required: bool = True
    many: bool = False
    kind: str = "text"
    least: int | None = None
    complete: str = ""

    @property
    def parameter(self) -> str:
        """The name of the function's parameter."""
        return self.name


class Command(Record):
    """A command: `function(app, **values)` with one value for each option that is not `on_app`.

    Failures exit with `error_code`. `returns` names the results where the function's annotation does not.
    """

    name: str
    function: Function
    examples: tuple[str, ...]
    options: tuple[Option | Argument, ...] = ()
    error_code: int = 1
    returns: Returns = ()

    @property
    def help(self) -> str:
        """The help text: the docstring of the function."""
        return self.function.__doc__ or ""

    def call(self, app: App, values: dict[str, Any]) -> object:
        """Run the command; a global flag before it sets the command's own option of that spelling, if it has one."""
        for option in self.options if app.role or app.module else ():
            flag = _GLOBAL.get(option.flags) if isinstance(option, Option) and not option.on_app else None
            if flag is not None:
                given = vars(app).pop(flag.parameter, None)
                values[option.parameter] = values[option.parameter] or given
        return self.function(app, **values)


class Entry(Record):
    """A command that is loaded when needed: `module:attribute` in this package, and its line in the help."""

    target: str
    help: str


class Group(Record):
    """A group of commands under headings.

    Without a command's name it runs `function`, or shows its help. A first word that is no command is an argument of
    the command `default`.
    """

    name: str
    help: str
    sections: Sections
    examples: tuple[str, ...]
    function: Function | None = None
    options: tuple[Option | Argument, ...] = ()
    returns: Returns = ()
    default: str = ""

    @property
    def entries(self) -> dict[str, Entry | Command | Group]:
        """The commands by name, in the order of the help."""
        return {name: entry for section in self.sections.values() for name, entry in section.items()}


GLOBAL_FLAGS = (
    Option("--role", "Your role (default: THRUM_ROLE, or the identity file).", "ROLE", on_app=True),
    Option("--module", "Your module (default: THRUM_MODULE, or the identity file).", "MODULE", on_app=True),
    Option("--repo", "A directory in the repository (default: the current one).", "PATH", on_app=True),
    Option("--json", "Answer with one JSON document.", on_app=True),
    Option("--quiet", "Print only the answer of a command that answers, and errors.", on_app=True),
    Option("--verbose", "Print progress and details to standard error.", on_app=True),
)
_GLOBAL = {flag.flags: flag for flag in GLOBAL_FLAGS if flag.metavar}
PAGE = (
    Option("--page-size --limit", "Messages per page (default 10).", "N", name="page_size", default=10, kind="integer"),
    Option("--page", "Page number (default 1).", "N", default=1, kind="integer"),
)


def command(
    name: str,
    *examples: str,
    options: tuple[Option | Argument, ...] = (),
    error_code: int = 1,
    returns: Returns = (),
) -> Callable[[Function], Command]:
    """Declare a function as a command; its docstring is the help text."""

    def declared(function: Function) -> Command:
        return Command(name, function, examples, options, error_code, returns)

    return declared


def commands(*members: Command | Group) -> Sections:
    """Return the one section of a group whose commands stand in the same file."""
    return {"Commands": {member.name: member for member in members}}


def lazily(module: str, helps: Mapping[str, str]) -> dict[str, Entry | Command | Group]:
    """Return entries for commands with a file each, named like the command, in the package `module`."""
    return {name: Entry(f"{module}.{_attribute(name)}:{_attribute(name)}", line) for name, line in helps.items()}


def _attribute(name: str) -> str:
    return name.replace("-", "_")


def loaded(entry: Entry | Command | Group) -> Command | Group:
    """Return a declared command, imported if it is only named."""
    if not isinstance(entry, Entry):
        return entry
    module, _, attribute = entry.target.partition(":")
    declared: Command | Group = getattr(__import__(f"{__package__}.{module}", fromlist=[attribute]), attribute)
    return declared


def summary(entry: Entry | Command | Group) -> str:
    """Return the line of a command in the help of its group: the first of its own help."""
    return entry.help.strip().partition("\n")[0]


# --- the reader of plain lines ----------------------------------------------------------------------------------------
HELP = ("-h", "--help")
_FREE = "TEXT"  # the metavar of an option whose value may be any text
_DIGITS = 10  # numbers with as many are click's to read
EVERYDAY = ("send", "reply", "inbox", "wait", "whoami", "message")  # commands that it reads


class Line(Record):
    """A command line that was read: the command, its values by name, and the attributes that it sets on the App."""

    command: Command
    values: dict[str, Any]
    on_app: dict[str, Any]

    def run(self, app: App) -> object:
        """Run the command and return its result."""
        for name, value in self.on_app.items():
            setattr(app, name, value)
        app.error_code = self.command.error_code
        return self.command.call(app, self.values)


def is_option(word: str) -> bool:
    """Return whether a word is written as an option: `-a`, `--all`, `--to=@x`. Others, as `- item`, are texts."""
    name = word.partition("=")[0].removeprefix("-").removeprefix("-")
    plain = name.isascii() and name[:1].isalpha() and name.replace("-", "").replace("_", "").isalnum()
    return word.startswith("-") and plain


def is_lacking(metavar: str, word: str, spelled: Container[str]) -> bool:
    """Return whether the word after an option cannot be its value, but is another option: its own value was lost.

    A text may begin with dashes, so only an option of this command counts after one that takes a TEXT.
    """
    name = word.partition("=")[0]
    return name in spelled or word in HELP or (metavar != _FREE and word.startswith("--") and is_option(word))


def read(arguments: Sequence[str]) -> Line | None:
    """Return a plain line of an everyday command, read as click reads it; None for any other line.

    Click's import costs three times the start of an interpreter. Help, mistakes, files and numbers that are not plain
    digits are left to it, so that each message is click's.
    """
    try:
        return _Reader(arguments).line()
    except _UnusualError:
        return None


class _UnusualError(Exception):
    """Raised for a line that is left to click."""


class _Reader:
    """The rest of a command line, and the global flags that were read."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.rest = list(arguments)
        self.on_app: dict[str, Any] = {}

    def line(self) -> Line:
        """Read the whole line. Raises _UnusualError."""
        self.options(())
        declared = _member(lazily("commands", dict.fromkeys(EVERYDAY, "")), self.next())
        while isinstance(declared, Group):
            self.options(declared.options)
            declared = _member(declared.entries, self.next())
        words: list[str] = []
        given = self.options(declared.options, words)
        values = {parameter.parameter: _value(parameter, given, words) for parameter in declared.options}
        if words:
            raise _UnusualError
        return Line(declared, values, self.on_app)

    def next(self) -> str:
        """Take the next argument. Raises _UnusualError at the end of the line."""
        if not self.rest:
            raise _UnusualError
        return self.rest.pop(0)

    def options(
        self, declared: tuple[Option | Argument, ...], words: list[str] | None = None
    ) -> dict[Option, list[Any]]:
        """Take the options before the next word; with `words` the whole rest, its words into that list."""
        spelled = _spelled(declared)
        given: dict[Option, list[Any]] = {}
        while self.rest and (words is not None or self.rest[0].startswith("-")):
            word = self.next()
            if words is None or is_option(word):
                self._option(word, spelled, given)
            elif word == "--":
                words += self.rest
                self.rest.clear()
            else:
                words.append(word)
        # An empty value sets nothing: another level of the line may have set the flag.
        self.on_app |= {flag.parameter: values[-1] for flag, values in given.items() if flag.on_app and values[-1]}
        return given

    def _option(self, word: str, spelled: dict[str, Option], given: dict[Option, list[Any]]) -> None:
        name, equals, text = word.partition("=")
        option = spelled.get(name)
        if option is None or (equals and not (option.metavar and name.startswith("--"))):
            raise _UnusualError
        if option.metavar:
            if not equals and self.rest and is_lacking(option.metavar, self.rest[0], spelled):
                raise _UnusualError
            value: object = _converted(option, text if equals else self.next())
        else:
            value = name in option.flags.partition("/")[0].split()
        given.setdefault(option, []).append(value)


def _member(entries: Mapping[str, Entry | Command | Group], name: str) -> Command | Group:
    if name not in entries:
        raise _UnusualError
    return loaded(entries[name])


def _spelled(declared: tuple[Option | Argument, ...]) -> dict[str, Option]:
    """Return options by spelling: the declared ones, and each global flag whose name none of them uses."""
    options = (*GLOBAL_FLAGS, *(option for option in declared if isinstance(option, Option)))
    return {flag: option for option in options for flag in option.flags.replace("/", " ").split()}


def _value(parameter: Option | Argument, given: dict[Option, list[Any]], words: list[str]) -> object:
    """Return the value of a parameter; that of an argument is taken from the words."""
    if isinstance(parameter, Option):
        values = given.get(parameter, [])
        if parameter.multiple:
            return tuple(values)
        unset = parameter.default if parameter.metavar or "/" in parameter.flags else bool(parameter.default)
        return values[-1] if values else unset
    if parameter.required and not words:
        raise _UnusualError
    taken = [_converted(parameter, word) for word in (words if parameter.many else words[:1])]
    del words[: len(taken)]
    return tuple(taken) if parameter.many else next(iter(taken), None)


def _converted(parameter: Option | Argument, text: str) -> str | int:
    """Return a text, or the integer of a few digits within its bounds. Raises _UnusualError for anything else."""
    if parameter.kind == "text" and parameter.least is None:
        return text
    if parameter.kind == "file" or not (text.isascii() and text.isdecimal() and len(text) < _DIGITS):
        raise _UnusualError
    most = parameter.most if isinstance(parameter, Option) else None
    if int(text) < (parameter.least or 0) or (most is not None and int(text) > most):
        raise _UnusualError
    return int(text)


# --- the App ----------------------------------------------------------------------------------------------------------


class App:
    """One run of `thrum`: the global flags, and the paths, the caller and the store, each loaded at first use."""

    role: str | None = None
    module: str | None = None
    repo = "."
    json = False
    quiet = False
    verbose = False

    def __init__(self) -> None:
        self.error_code = 1  # exit code of a failure; `wait` uses 1 for a time-out
        self._paths: Paths | None = None
        self._store: Store | None = None
        self._counting: Counting | None = None

    def given(self, name: str | None = None, display: str | None = None) -> Given:
        """Return the caller as far as the command line names it."""
        return Given(name, self.role, self.module, display)

    @property
    def paths(self) -> Paths:
        """The paths of the store. Raises NotARepository, NotInitialized."""
        if self._paths is None:
            self._paths = paths.initialized(self.repo, self._begin_guest)
        return self._paths

    def _begin_guest(self, places: Paths) -> None:
        """Make the store of this host, because the one of the repository belongs to another host."""
        from thrum_store import setup  # once for each host and repository

        output.warn(setup.begin_guest(places)[-1])

    @property
    def caller(self) -> Caller:
        """The agent that runs this command. Raises NoIdentity, AmbiguousIdentity, Invalid."""
        caller = identity.resolve(self.paths, self.given())
        self._debug(f"caller: @{caller.name}, by {caller.source}, in worktree {caller.worktree}")
        return caller

    @property
    def store(self) -> Store:
        """The store, open until the process ends."""
        if self._store is None:
            from thrum_store.store import open_store  # 8 ms that --help and version need not pay

            try:
                self._store = open_store(self.paths, progress=self._rebuilding, notice=output.warn)
                self._paths = self._store.paths
            finally:
                if self._counting is not None:
                    self._counting.stop()
            self._debug(f"store: {self.paths.thrum}, view {self._store.generation}, logs {self.paths.logs}")
        return self._store

    def _rebuilding(self, count: int) -> None:
        """Show progress while a lost view is rebuilt at opening; later it would mix with the command's output."""
        if self._store is None:
            from .terminal.progress import Counting  # a view is rarely lost

            self._counting = self._counting or Counting(quiet=self.quiet)
            self._counting(count)

    @property
    def can_ask(self) -> bool:
        """True where a person can answer a question: on a terminal, without --json and --quiet."""
        return not (self.json or self.quiet) and sys.stdin is not None and sys.stdin.isatty()

    def confirmed(self, question: str) -> bool:
        """Ask a person to confirm. Returns False without asking where nobody can answer."""
        if not self.can_ask:
            return False
        from click import confirm  # as above

        return confirm(question, default=False, err=True)

    def _debug(self, text: str) -> None:
        if self.verbose:
            output.debug(text)

    @property
    def warnings(self) -> list[str]:
        """The warnings of the store that no result holds, such as a log that cannot be read."""
        return self._store.take_warnings() if self._store is not None else []

    def close(self) -> None:
        """Close the store if it was opened."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- a message on the command line ------------------------------------------------------------------------------------
BODY = (
    Option("--stdin", "Read the text from standard input, as the text `-` does."),
    Option("--body-file", "Read the text from a file.", "PATH", kind="file"),
)
CARRIED = (
    Option("--format", "markdown, plain or json (default markdown).", "FORMAT", name="format_", default="markdown"),
    Option("--structured", "A JSON object for programs to read.", "JSON"),
    Option("--idempotency-key", "Send at most once under this key, however often you run it.", "KEY"),
)
_NAMED = 6  # recipients listed by name


def body(text: str | None, stdin: bool, file: BinaryIO | None) -> str:
    """Return the text of a message without its last newline. Raises Invalid unless exactly one source is given."""
    given = sum(source is not None and source is not False for source in (text, stdin, file))
    if given != 1:
        problem = "the text is given more than once" if given else "there is no text"
        raise Invalid(problem, hint="give it as an argument, or with --stdin, or with --body-file PATH")
    if stdin or text == "-":
        return _read(sys.stdin.buffer, "standard input")
    return _read(file, "the file") if file is not None else text or ""


def _read(source: BinaryIO, name: str) -> str:
    from thrum_store.service.message_parts import CONTENT_LIMIT  # only for a text from a file or a pipe

    data = source.read(CONTENT_LIMIT + 2)  # the limit, a last newline, and one byte that shows there is more
    if len(data) > CONTENT_LIMIT + 1:
        raise Invalid(f"{name} has more than {CONTENT_LIMIT:,} bytes", hint="send the path of a file instead")
    try:
        return data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise Invalid(f"{name} is not valid UTF-8", hint="convert it, for example with iconv") from None


def json_object(text: str | None) -> dict[str, Any] | None:
    """Return the value of --structured. Raises Invalid if it is not a JSON object."""
    if text is None:
        return None
    try:
        fields: dict[str, Any] = values.loads(text)
        if text.lstrip().startswith("{"):
            return fields
    except (ValueError, RecursionError):
        pass
    raise Invalid("--structured is not a JSON object", hint="write it like --structured '{\"pr\": 42}'")


def sent_words(sent: Sent) -> str:
    """Return one sentence about a message that was sent, and to whom."""
    names = [recipient.address for recipient in sent.recipients]
    addresses = [address.value for address in sent.header.to]
    head = f"{'Reply' if sent.header.reply_to else 'Message'} sent: {sent.header.id}"
    if not names:
        return f"{head}."
    if addresses == names:
        return f"{head} to {listing(names)}."
    recipients = listing(names) if len(names) <= _NAMED else plural(len(names), "agent")
    return f"{head} to {listing(addresses)}: {recipients}."
