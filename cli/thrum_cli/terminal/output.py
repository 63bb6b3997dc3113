"""The one printer. Each command's result goes out once, here: as JSON, in words, or not at all.

Everything shown passes `safe_text`: messages, names and errors come from strangers, and a terminal obeys control
characters. A result is made safe before it is rendered, so that columns are counted on what is seen.
"""

import os
import sys
from functools import singledispatch
from typing import Any, NamedTuple, TextIO, cast

from thrum_store import json_codec
from thrum_store.machine.host import REAL
from thrum_store.printable import safe_text

from .text import BOLD, DIM, GREEN, PLAIN, RED, cells, wrap

Styles = tuple[tuple[str, str], ...]
_STYLES: Styles = ((BOLD, "\x1b[1m"), (DIM, "\x1b[2m"), (GREEN, "\x1b[32m"), (RED, "\x1b[31m"), (PLAIN, "\x1b[0m"))
_FRAMES = ("╭", "│", "├", "╰")  # what begins a line of a table or a panel
_NARROWEST, _USUAL = 40, 80


class Verbatim:
    """A result that is a text to copy: no line of it is folded."""


class Outcome(NamedTuple):
    """A result with what only this door adds: an exit code, and a note for people (also when there is nothing else)."""

    result: object
    exit_code: int = 0
    note: str = ""


class Screen(NamedTuple):
    """What a renderer may know of the terminal, and the time to count from. `terminal`: a person looks at it."""

    width: int
    now_ms: int
    terminal: bool = False


@singledispatch
def human(result: object, screen: Screen) -> str:
    """A result in words; each command registers how its own looks."""
    raise TypeError(f"nothing says how {type(result).__name__} looks")


def emit(value: object, *, as_json: bool, quiet: bool) -> int:
    """Prints what a command returned and returns the exit code."""
    outcome = value if isinstance(value, Outcome) else Outcome(value)
    if as_json:
        _print(sys.stdout, _document(outcome.result, sys.stdout))
    elif not quiet:
        _tell(outcome)
    return outcome.exit_code


def _tell(outcome: Outcome) -> None:
    result = _visible(outcome.result)
    words = human(result, Screen(width(), REAL.clock.wall_ms(), _watched(sys.stdout)))
    told = "\n".join(part for part in (words, outcome.note) if part)
    _print(sys.stdout, told if isinstance(result, Verbatim) else _folded(told, sys.stdout), styles=_STYLES)
    for warning in getattr(result, "warnings", ()):
        warn(warning)


def warn(text: str) -> None:
    """Tells a person something beside the result."""
    _print(sys.stderr, _folded(f"Warning: {text}", sys.stderr))


def tell(text: str) -> None:
    """Prints a line at once, its styles kept: for a command that shows something as it happens."""
    _print(sys.stdout, text, styles=_STYLES)


def debug(text: str) -> None:
    """What --verbose is for."""
    _print(sys.stderr, text)


def fail(code: str, message: str, hint: str | None, *, as_json: bool) -> None:
    """Prints a failure: words on standard error, or one JSON document on standard output."""
    if as_json:
        told = {"error": {"code": code, "message": message, "hint": hint}}
        _print(sys.stdout, _document(told, sys.stdout))
        return
    _print(sys.stderr, _folded(f"Error: {message}" + (f"\nTry: {hint}" if hint else ""), sys.stderr))


# --- JSON -----------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A result as JSON knows it: keys are the names of the fields, `from_` becomes `from`."""
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return {key: plain(item) for key, item in mapping.items()}
    names = _fields(value)
    if names is not None:
        return {name.removesuffix("_"): plain(getattr(value, name)) for name in names}
    return [plain(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _fields(value: object) -> list[str] | None:
    kept = getattr(type(value), "__dataclass_fields__", None)
    names = kept if kept is not None else getattr(value, "_fields", None)
    return None if names is None else list(names)


def _document(value: object, stream: TextIO | None) -> str:
    """One JSON document; what could drive a terminal is written as \\u escapes, everything else as it is."""
    plainest = stream is not None and (stream.encoding or "utf-8").lower() not in ("utf-8", "utf8")
    text = json_codec.readable(plain(value), plainest)
    if safe_text(text) == text:
        return text
    hidden = {letter for letter in set(text) if letter != "\n" and safe_text(letter) != letter}
    return text.translate({ord(letter): _escaped(letter) for letter in hidden})


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


# --- a terminal -----------------------------------------------------------------------------------------------------


def _visible(value: Any) -> Any:
    """A result whose every text is safe to show."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        return {safe_text(key): _visible(item) for key, item in mapping.items()}
    names = _fields(value)
    if names is not None:
        return type(value)(**{name: _visible(getattr(value, name)) for name in names})
    return tuple(_visible(item) for item in cast("list[Any]", value)) if isinstance(value, list | tuple) else value


def _folded(text: str, stream: TextIO | None) -> str:
    """Sentences as a person reads them on a terminal: folded between words. A program gets each on one line."""
    if stream is None or not stream.isatty():
        return text
    room = width()
    lines = ([line] if cells(line) <= room or line[:1] in _FRAMES else wrap(line, room) for line in text.split("\n"))
    return "\n".join(line for told in lines for line in told)


def width() -> int:
    """The terminal's columns; never so few that nothing fits."""
    wanted = os.environ.get("COLUMNS", "")
    columns = int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 0
    return max(columns or _columns(), _NARROWEST)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL
    except (OSError, ValueError, AttributeError):  # no terminal, or no standard output at all
        return _USUAL


def _watched(stream: TextIO | None) -> bool:
    """Whether a person looks at it, on a terminal that can draw lines."""
    drawn = stream is not None and (stream.encoding or "").lower() in ("utf-8", "utf8")
    return drawn and stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _styled(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _print(stream: TextIO | None, text: str, styles: Styles = ()) -> None:
    if stream is None or not text:  # a closed standard output
        return
    codes = styles if _styled(stream) else tuple((mark, "") for mark, _ in styles)
    encoding = stream.encoding or "utf-8"
    stream.write(f"{_painted(text, codes)}\n".encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _painted(text: str, styles: Styles) -> str:
    """`text` made safe, its marks replaced by what the terminal understands."""
    if not styles:
        return safe_text(text)
    (mark, code), *rest = styles
    return code.join(_painted(part, tuple(rest)) for part in text.split(mark))
