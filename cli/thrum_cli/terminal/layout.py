"""Tables and panels: plain columns for a program, drawn by rich on a terminal.

The data comes in made safe by `output`, with its marks. Rich's own markup, emoji codes and highlighting are off, so
no text changes.
"""

from __future__ import annotations

from io import StringIO

from .output import bold, cells, columns, dim, fields, shorten, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from .output import Screen

_LONGEST = 1000  # columns of a cell; of a longer one only the beginning is laid out
_WORD = 12  # columns of a word that a cell has room for; longer words break


def table(head: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> str:
    """Return rows under the names of their columns; empty columns are left out."""
    used = [place for place in range(len(head)) if any(row[place] for row in rows)]
    names, lines = [head[place] for place in used], [[_cut(row[place]) for place in used] for row in rows]
    if screen.terminal and rows:
        return _rich_table(names, lines, screen.width)
    return columns([[name.upper() for name in names], *lines], screen.width)


def _cut(cell: str) -> str:
    return shorten(cell[:_LONGEST], _LONGEST - 1) if len(cell) > _LONGEST else cell


def panel(title: str, body: str, screen: Screen) -> str:
    """Return a text in a box with a title; without a terminal, the title in bold and the text below."""
    return _rich_panel(title, body, screen.width) if screen.terminal else f"{bold(title)}\n{body}"


def card(title: str, pairs: Sequence[tuple[str, str | None]], screen: Screen) -> str:
    """Return names and values in a panel; without a terminal, the lines alone."""
    return panel(title, fields(pairs, screen.width - 4), screen) if screen.terminal else fields(pairs)


def inside(screen: Screen) -> Screen:
    """Return the screen inside a panel."""
    return screen._replace(width=screen.width - 4) if screen.terminal else screen


def _rich_table(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """Return a table with cells wrapped between words, or a block of lines for each row if that is too narrow."""
    cells_of = list(zip(names, *rows, strict=True))
    needed, room = [_least(column) for column in cells_of], width - 3 * len(cells_of) - 1
    if sum(needed) > room:
        return "\n\n".join(_block(names, row, width) for row in rows)
    wished = [max(map(cells, column)) for column in cells_of]
    return _grid(names, rows, _shared_out(wished, needed, room), width)


def _least(column: Sequence[str]) -> int:
    """Return the width below which a column's name, or a word in it, would break."""
    words = (cells(word) for cell in column[1:] for word in cell.split())
    return max(cells(column[0]), min(max(words, default=0), _WORD))


def _shared_out(wished: Sequence[int], needed: Sequence[int], room: int) -> list[int]:
    """Return widths that fit together: the widest columns shrink first, down to their needed width."""
    widths = [min(width, room) for width in wished]
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda place: (widths[place] > needed[place], widths[place]))
        widths[widest] -= 1
    return widths


def _block(names: Sequence[str], row: Sequence[str], width: int) -> str:
    """Return a row as lines: its mark and first value, the other values by name below."""
    first = next(place for place, name in enumerate(names) if name)
    below = fields([(names[place].capitalize(), row[place]) for place in range(first + 1, len(row))], width - 2)
    title = wrap(" ".join(row[: first + 1]), width)
    return "\n".join([*title, *(f"  {line}" for line in below.splitlines())])


def _grid(names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> str:
    from rich import box  # 60 ms, and only on a terminal
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.ROUNDED)
    for name, wide in zip(names, widths, strict=True):
        made.add_column(Text(dim(name.upper())), overflow="fold", width=wide)
    for row in rows:
        made.add_row(*map(Text, row))
    return _drawn(made, width)


def _rich_panel(title: str, body: str, width: int) -> str:
    from rich import box
    from rich.panel import Panel
    from rich.text import Text

    head = Text(bold(title), overflow="ellipsis")
    return _drawn(Panel(Text(body), box=box.ROUNDED, title=head, title_align="left"), width)


def _drawn(renderable: RenderableType, width: int) -> str:
    from rich.console import Console

    page = StringIO()
    Console(
        file=page, width=width, color_system=None, force_terminal=False, markup=False, emoji=False, highlight=False
    ).print(renderable)
    return page.getvalue().rstrip("\n")
