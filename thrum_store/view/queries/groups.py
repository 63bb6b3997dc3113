"""Groups as they are now: what was added and not removed."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from thrum_store.view.membership import ITSELF, Added, Members, expanded


class Group(NamedTuple):
    """A group's creation. Two machines that created the same name made one group; the older one tells."""

    id: str
    name: str
    description: str
    ms: int
    author: str


class Member(NamedTuple):
    """A member, and who added it when."""

    id: str
    member_type: str
    member_value: str
    ms: int
    author: str


_ALIVE = " NOT EXISTS (SELECT 1 FROM group_removes r WHERE r.id = g.id)"


def group(view: sqlite3.Connection, name: str) -> Group | None:
    """The group of that name."""
    sql = (
        "SELECT g.id, g.name, g.description, g.ms, g.author FROM group_adds g"
        f" WHERE g.name = ? AND g.member_type = ? AND{_ALIVE} ORDER BY g.ms, g.id LIMIT 1"
    )
    row = view.execute(sql, (name, ITSELF)).fetchone()
    return Group(*row) if row else None


def names(view: sqlite3.Connection) -> list[str]:
    """The names of all groups."""
    sql = f"SELECT DISTINCT g.name FROM group_adds g WHERE g.member_type = ? AND{_ALIVE} ORDER BY g.name"
    return [name for (name,) in view.execute(sql, (ITSELF,))]


def members(view: sqlite3.Connection, name: str) -> list[Member]:
    """The direct members, each once, in the order they were added."""
    sql = (
        "SELECT g.id, g.member_type, g.member_value, g.ms, g.author FROM group_adds g"
        f" WHERE g.name = ? AND g.member_type != ? AND{_ALIVE} ORDER BY g.ms, g.id"
    )
    found: dict[tuple[str, str], Member] = {}
    for row in view.execute(sql, (name, ITSELF)):
        found.setdefault(row[1:3], Member(*row))
    return list(found.values())


def inside(view: sqlite3.Connection, name: str) -> Members:
    """Everybody in a group, nested groups resolved. A nested group that was deleted holds nobody."""

    def direct(group_name: str) -> list[Added]:
        if group(view, group_name) is None:
            return []
        return [Added(m.id, m.member_type, m.member_value, m.ms) for m in members(view, group_name)]

    return expanded(name, direct)


def additions(view: sqlite3.Connection, name: str, member: tuple[str, str] | None = None) -> list[str]:
    """The event ids that made a group and its members, or that added one member: what a removal has seen."""
    sql = (
        f"SELECT g.id FROM group_adds g WHERE g.name = ?1 AND{_ALIVE}"
        " AND (?2 IS NULL OR (g.member_type = ?2 AND g.member_value = ?3)) ORDER BY g.id"
    )
    kind, value = member or (None, None)
    return [added for (added,) in view.execute(sql, (name, kind, value))]
