"""Tables and panels: by rich where a person looks at a terminal, as plain columns where a program reads.

`inbox`, `send` and `wait` do without; they lay out by `text` alone. What comes in here is data that `output` made
safe, and marks of `text`: rich's own markup, emoji codes and highlighting are off, so a text stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import text
from .text import bold, dim, fields

if TYPE_CHECKING:
    from rich.console import RenderableType

    from .output import Screen


def table(head: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> str:
    """Rows under their names; a column that is empty everywhere is left out. On a terminal, cells wrap."""
    if not screen.terminal or not rows:
        return text.table(head, rows, screen.width)
    from rich import box  # only when a person looks
    from rich.table import Table
    from rich.text import Text

    used = [place for place in range(len(head)) if any(row[place] for row in rows)]
    made = Table(box=box.ROUNDED)
    for place in used:
        made.add_column(Text(dim(head[place].upper())), overflow="fold")
    for row in rows:
        made.add_row(*(Text(row[place]) for place in used))
    return _drawn(made, screen.width)


def panel(title: str, body: str, screen: Screen) -> str:
    """A text in a box with a title; without a terminal the title in bold, and the text below."""
    if not screen.terminal:
        return f"{bold(title)}\n{body}"
    from rich import box  # as above
    from rich.panel import Panel
    from rich.text import Text

    head = Text(bold(title), overflow="ellipsis")
    return _drawn(Panel(Text(body), box=box.ROUNDED, title=head, title_align="left"), screen.width)


def card(title: str, pairs: Sequence[tuple[str, str | None]], screen: Screen) -> str:
    """Names and values in a panel; without a terminal the lines alone."""
    return panel(title, fields(pairs, screen.width - 4), screen) if screen.terminal else fields(pairs)


def inside(screen: Screen) -> Screen:
    """The screen that a panel leaves to what is in it."""
    return screen._replace(width=screen.width - 4) if screen.terminal else screen


def _drawn(what: RenderableType, width: int) -> str:
    from io import StringIO  # as above

    from rich.console import Console

    page = StringIO()
    Console(
        file=page, width=width, color_system=None, force_terminal=False, markup=False, emoji=False, highlight=False
    ).print(what)
    return page.getvalue().rstrip("\n")
