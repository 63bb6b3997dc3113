"""The one printer. Each command's result is printed once, here: as JSON, in words, or not at all.

Everything shown passes `safe_text`: messages, names and errors come from strangers, and a terminal obeys control
characters. A result is made safe before it is rendered, so that columns are counted on the visible text.
"""

from __future__ import annotations

import os
import sys

from thrum_store import values
from thrum_store.machine.host import REAL
from thrum_store.values import NamedTuple, fields_of, plural, safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, TextIO, TypeVar

    Styles = tuple[tuple[str, str], ...]
    Renderer = TypeVar("Renderer", bound=Callable[..., str])


# --- layout of text ---------------------------------------------------------------------------------------------------
BOLD, DIM, PLAIN, GREEN, RED = "\x01\x02\x03\x04\x05"  # marks that only the printer understands; data cannot carry them
_MARKS = {ord(mark): None for mark in (BOLD, DIM, PLAIN, GREEN, RED)}
_LONG = 4000  # characters: of a longer text, a list lays out only the beginning
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def bold(text: str) -> str:
    """Return `text` in bold, if the terminal can."""
    return f"{BOLD}{text}{PLAIN}"


def dim(text: str) -> str:
    """Return `text` less bright, if the terminal can."""
    return f"{DIM}{text}{PLAIN}"


def green(text: str) -> str:
    """Return `text` in green, for success, if the terminal can."""
    return f"{GREEN}{text}{PLAIN}"


def red(text: str) -> str:
    """Return `text` in red, for a problem, if the terminal can."""
    return f"{RED}{text}{PLAIN}"


def cells(text: str) -> int:
    """Return the number of columns `text` takes."""
    if text.isascii():
        return len(text.translate(_MARKS)) if not text.isprintable() else len(text)
    return _total(text.translate(_WIDTHS))


class _Widths(dict[int, str]):
    """The width of each letter as a digit, so that a text is measured by one `translate`; filled as letters come."""

    def __missing__(self, code: int) -> str:
        width = self[code] = str(_cell(chr(code)))
        return width


_WIDTHS = _Widths(dict.fromkeys(_MARKS, "0"))


def _total(widths: str) -> int:
    return widths.count("1") + 2 * widths.count("2")


def _cell(letter: str) -> int:
    if letter.isascii():
        return 1
    from unicodedata import category, east_asian_width  # plain text never needs it

    if letter == "\ufe0f":
        return 1  # makes the sign before it an emoji, which is two columns wide
    if category(letter) in ("Mn", "Me", "Cf") or "\U0001f3fb" <= letter <= "\U0001f3ff":  # those colour an emoji
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Return `text` padded with blanks to `width` columns."""
    return text + " " * max(width - cells(text), 0)


def shorten(text: str, width: int) -> str:
    """Return `text` shortened to one line of at most `width` columns, ending in `…` if something is missing."""
    line = " ".join(text.split())
    if cells(line) <= width:
        return line
    return f"{line[: _end(line.translate(_WIDTHS), 0, max(width - 1, 0))]}…"


def wrap(text: str, width: int) -> list[str]:
    """Return `text` as lines of at most `width` columns; its own line breaks and indentation stay."""
    return [line for paragraph in text.expandtabs(4).split("\n") for line in _wrapped(paragraph.rstrip(), width)]


def flow(items: Sequence[str], width: int, gap: str = "  ") -> list[str]:
    """Return items side by side in lines of at most `width` columns; no item is broken."""
    lines: list[str] = []
    for item in items:
        if lines and cells(lines[-1]) + len(gap) + cells(item) <= width:
            lines[-1] += gap + item
        else:
            lines.append(item)
    return lines


def beginning(text: str, width: int, most: int) -> tuple[list[str], str]:
    """Return the first lines of a text for a list, and a note about the rest; a long text is cut before its layout."""
    lines = wrap(text[:_LONG], width)
    if len(lines) <= most and len(text) <= _LONG:
        return lines, ""
    kept = lines[: most - 1]
    if len(text) > _LONG:
        return kept, f"… {len(text):,} characters in all"
    return kept, f"… {len(lines) - most + 1} more lines"


def _wrapped(line: str, width: int) -> Iterator[str]:
    """Yield the lines of a paragraph. Each letter is measured once, so that the work grows as the text does."""
    if 2 * len(line) <= width:
        yield line
        return
    widths = line.translate(_WIDTHS)
    indent = " " * min(len(line) - len(line.lstrip(" ")), width // 2)
    start, margin = 0, ""
    while True:
        end = after = _end(widths, start, width - len(margin))
        if end == len(line):
            yield margin + line[start:]
            return
        space = line.rfind(" ", start, end)
        if line[end] != " " and space >= 0 and len(margin) + space - start > len(indent):
            end, after = space, space + 1
        yield (margin + line[start:end]).rstrip()
        while line[after] == " ":
            after += 1
        start, margin = after, indent


def _end(widths: str, start: int, room: int) -> int:
    """Return the end of the letters from `start` that fit the room, and at least the first."""
    end, used = start, 0
    while end < len(widths):
        piece = widths[end : end + max(room - used, 16)]
        if used + _total(piece) > room:
            break
        used, end = used + _total(piece), end + len(piece)
    for digit in widths[end : end + max(room, 16) + 1]:
        used += int(digit)
        if used > room and end > start:
            return end
        end += 1
    return end


def columns(lines: Sequence[Sequence[str]], width: int) -> str:
    """Return lines of cells as aligned columns, the first line dim; the last column is shortened to fit."""
    widths = [max(cells(line[place]) for line in lines) for place in range(len(lines[0]))]
    room = max(width - sum(widths[:-1]) - 2 * (len(widths) - 1), 12)
    shown = [
        "  ".join(
            [*(pad(cell, widths[place]) for place, cell in enumerate(line[:-1])), shorten(line[-1], room)]
        ).rstrip()
        for line in lines
    ]
    return "\n".join([dim(shown[0]), *shown[1:]])


def fields(pairs: Sequence[tuple[str, str | None]], width: int = 0) -> str:
    """Return names and values, one per line; empty values are left out. With a width, values wrap under themselves."""
    present = [(name, value) for name, value in pairs if value]
    gap = max((len(name) for name, _ in present), default=0) + 2
    lines: list[str] = []
    for name, value in present:
        first, *rest = wrap(value, width - gap - 1) if width else [value]
        lines += [f"{dim(pad(name + ':', gap))} {first}", *(f"{'':{gap}} {line}" for line in rest)]
    return "\n".join(lines)


def ago(time: str | None, now_ms: int) -> str:
    """Return an RFC 3339 time as `just now`, `5 min ago`, `3 d ago` or a date; empty for none."""
    if not time:
        return ""
    from datetime import datetime  # not needed by `send`

    past = now_ms / 1000 - datetime.fromisoformat(time).timestamp()
    if past < 60:
        return "just now"
    size, unit = next((size, unit) for size, unit in _UNITS if past >= size)
    return time[:10] if past >= 30 * 86_400 else f"{int(past // size)} {unit} ago"


def lasting(ms: int) -> str:
    """Return a length of time as `0.4 s`, `12 s`, `3 min`, `2 h 5 min`, `3 d 4 h`."""
    if ms < 60_000:
        return f"{ms / 1000:.1f} s" if ms < 10_000 else f"{ms // 1000} s"
    minutes = ms // 60_000
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    large, small = (f"{hours} h", f"{minutes} min") if hours < 24 else (f"{hours // 24} d", f"{hours % 24} h")
    return large if small.startswith("0 ") else f"{large} {small}"


def beyond(page: int, total: int, pages: int) -> str:
    """Return the note for a page after the last one."""
    return f"There is no page {page}: {plural(total, 'message')} on {plural(pages, 'page')}."


def summary(page: int, size: int, shown: int, total: int) -> str:
    """Return which part of all messages a page shows: `Showing 11-20 of 35 messages, next: --page 3`."""
    first = (page - 1) * size + 1
    more = f", next: --page {page + 1}" if first + shown <= total else ""
    return f"Showing {first}-{first + shown - 1} of {plural(total, 'message')}{more}"


def listing(names: Sequence[str], most: int = 6) -> str:
    """Return names as a list: `@a, @b and 4 more`."""
    shown = [f"@{name}" for name in names]
    if len(shown) > most:
        return f"{', '.join(shown[: most - 1])} and {len(shown) - most + 1} more"
    return ", ".join(shown)


# --- printing ---------------------------------------------------------------------------------------------------------
_STYLES: Styles = ((BOLD, "\x1b[1m"), (DIM, "\x1b[2m"), (GREEN, "\x1b[32m"), (RED, "\x1b[31m"), (PLAIN, "\x1b[0m"))
_FRAMES = ("╭", "│", "├", "╰")  # what begins a line of a table or a panel
_NARROWEST, _USUAL = 40, 80


class Verbatim:
    """Marks a result as a text to copy: its lines are not folded."""

    __slots__ = ()


class Outcome(NamedTuple):
    """A result with an exit code, and a note for people, which is shown even if there is nothing else.

    --quiet drops the note, and keeps `answer`: what belongs to the result and is not in its words.
    """

    result: object
    exit_code: int = 0
    note: str = ""
    answer: str = ""


class Screen(NamedTuple):
    """The screen a result is rendered for: its width in columns, the current time, and whether a person looks at it.

    Without `hints`, a result names no next step.
    """

    width: int
    now_ms: int
    terminal: bool = False
    hints: bool = True


class _Renderers:
    """The renderers of results, by class; each takes the result and, if it needs one, a screen."""

    def __init__(self) -> None:
        self.registry: dict[type, Callable[..., str]] = {}
        self.reports: set[type] = set()

    def register(self, result: type) -> Callable[[Renderer], Renderer]:
        """Register a function as the renderer of a class of results."""

        def registered(function: Renderer) -> Renderer:
            self.registry[result] = function
            return function

        return registered

    def report(self, result: type) -> Callable[[Renderer], Renderer]:
        """Register the renderer of a class of results that only say what was done: --quiet drops them."""
        self.reports.add(result)
        return self.register(result)

    def __call__(self, result: object, screen: Screen) -> str:
        """Return a result in words. Raises KeyError for a class without a renderer."""
        if result is None:
            return ""
        function = self.registry[type(result)]
        return function(result, screen) if function.__code__.co_argcount > 1 else function(result)


human = _Renderers()


def emit(value: object, *, as_json: bool, quiet: bool) -> int:
    """Print the value a command returned, and return the exit code."""
    outcome = value if isinstance(value, Outcome) else Outcome(value)
    if as_json:
        _print(sys.stdout, _document(outcome.result, sys.stdout))
    elif not (quiet and _is_report(outcome)):
        _emit_words(outcome, quiet)
    return outcome.exit_code


def _is_report(outcome: Outcome) -> bool:
    """Return whether a result only says what was done; one of a dry run, or of a failure, is an answer."""
    done = type(outcome.result) in human.reports and not getattr(outcome.result, "dry_run", False)
    return done and outcome.exit_code == 0


def _emit_words(outcome: Outcome, quiet: bool) -> None:
    result = _visible(outcome.result)
    words = human(result, Screen(width(), REAL.clock.wall_ms(), _watched(sys.stdout), hints=not quiet))
    text = "\n".join(part for part in (words, outcome.answer, "" if quiet else outcome.note) if part)
    _print(sys.stdout, text if isinstance(result, Verbatim) else _folded(text, sys.stdout), styles=_STYLES)
    for warning in () if quiet else getattr(result, "warnings", ()):
        warn(warning)


def warn(text: str) -> None:
    """Print a warning beside the result, to standard error."""
    _print(sys.stderr, _folded(f"Warning: {text}", sys.stderr))


def tell(text: str) -> None:
    """Print a line now, with its styles: for a command that shows events as they happen."""
    _print(sys.stdout, text, styles=_STYLES)


def remark(text: str) -> None:
    """Print a line beside the result, to standard error."""
    _print(sys.stderr, text)


def end_line() -> None:
    """End the line of standard error on which a terminal shows `^C`, as click does."""
    if sys.stderr is not None:
        sys.stderr.write("\n")


def debug(text: str) -> None:
    """Print a detail that --verbose asks for, to standard error."""
    _print(sys.stderr, text)


def fail(code: str, message: str, hint: str | None, *, as_json: bool) -> None:
    """Print a failure: words on standard error, or one JSON document on standard output."""
    if as_json:
        document = {"error": {"code": code, "message": message, "hint": hint}}
        _print(sys.stdout, _document(document, sys.stdout))
        return
    _print(sys.stderr, _folded(f"Error: {message}" + (f"\nTry: {hint}" if hint else ""), sys.stderr))


def _items(value: Any) -> list[Any]:
    """Return the items of a list or tuple, for the type checkers."""
    return list(value)


def _document(value: object, stream: TextIO | None) -> str:
    """Return one JSON document; characters that could control a terminal are written as \\u escapes."""
    plainest = stream is not None and (stream.encoding or "utf-8").lower() not in ("utf-8", "utf8")
    text = values.readable(values.as_json(value), plainest)
    if safe_text(text) == text:
        return text
    hidden = {letter for letter in set(text) if letter != "\n" and safe_text(letter) != letter}
    return text.translate({ord(letter): _escaped(letter) for letter in hidden})


def _escaped(letter: str) -> str:
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _visible(value: Any) -> Any:
    """Return a result with every text made safe to show."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, dict):
        return {safe_text(key): _visible(item) for key, item in _pairs(value)}
    names = fields_of(value)
    if names is not None:
        return type(value)(**{name: _visible(getattr(value, name)) for name in names})
    return tuple(_visible(item) for item in _items(value)) if isinstance(value, list | tuple) else value


def _pairs(value: Any) -> list[tuple[str, Any]]:
    """Return the items of a mapping, for the type checkers."""
    return list(value.items())


def _folded(text: str, stream: TextIO | None) -> str:
    """Return text with long lines folded between words if the stream is a terminal, else unchanged."""
    if stream is None or not stream.isatty():
        return text
    room = width()
    lines = ([line] if cells(line) <= room or line[:1] in _FRAMES else wrap(line, room) for line in text.split("\n"))
    return "\n".join(line for wrapped in lines for line in wrapped)


def width() -> int:
    """Return the columns of the terminal, at least 40."""
    wanted = os.environ.get("COLUMNS", "")
    columns = int(wanted) if wanted.isdecimal() and len(wanted) < 6 else 0
    return max(columns or _columns(), _NARROWEST)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL
    except (OSError, ValueError, AttributeError):  # no terminal, or no standard output at all
        return _USUAL


def _watched(stream: TextIO | None) -> bool:
    """Return whether the stream is a terminal that can draw lines."""
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
    """Return `text` made safe, with its marks replaced by the codes of the terminal."""
    if not styles:
        return safe_text(text)
    (mark, code), *rest = styles
    return code.join(_painted(part, tuple(rest)) for part in text.split(mark))
