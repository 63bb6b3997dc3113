"""Text for a terminal: widths in columns, wrapping, aligned columns, and times in words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BOLD, DIM, PLAIN, GREEN, RED = "\x01\x02\x03\x04\x05"  # marks that only the printer understands; data cannot carry them
_MARKS = {ord(mark): None for mark in (BOLD, DIM, PLAIN, GREEN, RED)}
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
    return sum(_cell(letter) for letter in text.translate(_MARKS))


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
    head, _ = _fitting(line, max(width - 1, 0))
    return f"{head}…"


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


def _wrapped(line: str, width: int) -> Iterator[str]:
    indent = " " * min(len(line) - len(line.lstrip(" ")), width // 2)
    while cells(line) > width:
        head, rest = _fitting(line, width)
        space = head.rfind(" ")
        if rest[:1] != " " and space > len(indent):
            head, rest = head[:space], head[space + 1 :] + rest
        yield head.rstrip()
        line = indent + rest.lstrip(" ")
    yield line


def _fitting(line: str, width: int) -> tuple[str, str]:
    """Split `line` so that its first part takes at most `width` columns, and at least one letter."""
    used = 0
    for place, letter in enumerate(line):
        used += _cell(letter)
        if used > width and place:
            return line[:place], line[place:]
    return line, ""


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


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 message`, `2,345 messages`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def beyond(page: int, total: int, pages: int) -> str:
    """Return the note for a page after the last one."""
    return f"There is no page {page}: {plural(total, 'message')} on {plural(pages, 'page')}."


def summary(page: int, size: int, shown: int, total: int) -> str:
    """Return which part of all messages a page shows: `11–20 of 35 messages (next: --page 3)`."""
    if shown == total:
        return plural(total, "message")
    first = (page - 1) * size + 1
    more = f" (next: --page {page + 1})" if first + shown <= total else ""
    return f"{first}–{first + shown - 1} of {plural(total, 'message')}{more}"


def listing(names: Sequence[str], most: int = 6) -> str:
    """Return names as a list: `@a, @b and 4 more`."""
    shown = [f"@{name}" for name in names]
    if len(shown) > most:
        return f"{', '.join(shown[: most - 1])} and {len(shown) - most + 1} more"
    return ", ".join(shown)
