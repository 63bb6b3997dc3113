"""Writes the list of SQL views in docs/sql-views.md from the statements that define them."""

from __future__ import annotations

import re

from thrum_store.view import public_views

_VIEW = re.compile(r"((?:-- .*\n)+)CREATE TEMP VIEW (\w+) AS", re.MULTILINE)


def views() -> str:
    """Return one section for each view: its comment and its columns."""
    connection = public_views.empty()
    sections: list[str] = []
    for comment, name in _VIEW.findall(public_views.statements()):
        about = " ".join(line.removeprefix("-- ") for line in comment.splitlines())
        columns = ", ".join(f"`{column}`" for column in public_views.columns(connection, name))
        sections.append(f"### {name}\n\n{about}\n\nColumns: {columns}\n")
    return "\n".join(sections)
