"""Queries about groups as they are now."""

from __future__ import annotations

from thrum_store.values import NamedTuple
from thrum_store.view.membership import ITSELF, Added, expanded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection
    from thrum_store.view.membership import Members


class Group(NamedTuple):
    """The creation of a group. Two machines that create the same name make one group; the older creation counts."""

    id: str
    name: str
    description: str
    ms: int
    author: str


class Member(NamedTuple):
    """A member of a group, when it was added and by whom."""

    id: str
    member_type: str
    member_value: str
    ms: int
    author: str


_ALIVE = " NOT EXISTS (SELECT 1 FROM group_removes r WHERE r.id = g.id)"


def group(view: Connection, name: str) -> Group | None:
    """Return the group of that name."""
    sql = (
        "SELECT g.id, g.name, g.description, g.ms, g.author FROM group_adds g"
        f" WHERE g.name = ? AND g.member_type = ? AND{_ALIVE} ORDER BY g.ms, g.id LIMIT 1"
    )
    row = view.execute(sql, (name, ITSELF)).fetchone()
    return Group._make(row) if row else None


def names(view: Connection) -> list[str]:
    """Return the names of all groups."""
    sql = f"SELECT DISTINCT g.name FROM group_adds g WHERE g.member_type = ? AND{_ALIVE} ORDER BY g.name"
    return [name for (name,) in view.execute(sql, (ITSELF,))]


def members(view: Connection, name: str) -> list[Member]:
    """Return the direct members, each once, in the order they were added."""
    sql = (
        "SELECT g.id, g.member_type, g.member_value, g.ms, g.author FROM group_adds g"
        f" WHERE g.name = ? AND g.member_type != ? AND{_ALIVE} ORDER BY g.ms, g.id"
    )
    first: dict[tuple[str, str], Member] = {}
    for row in view.execute(sql, (name, ITSELF)):
        first.setdefault(row[1:3], Member._make(row))
    return list(first.values())


def inside(view: Connection, name: str) -> Members:
    """Return all members of a group, nested groups resolved. A nested group that was deleted is empty."""

    def direct(group_name: str) -> list[Added]:
        if group(view, group_name) is None:
            return []
        return [Added(m.id, m.member_type, m.member_value, m.ms) for m in members(view, group_name)]

    return expanded(name, direct)


def additions(view: Connection, name: str, member: tuple[str, str] | None = None) -> list[str]:
    """Return the event ids that made a group and its members, or that added one member: a removal names them."""
    sql = (
        f"SELECT g.id FROM group_adds g WHERE g.name = ?1 AND{_ALIVE}"
        " AND (?2 IS NULL OR (g.member_type = ?2 AND g.member_value = ?3)) ORDER BY g.id"
    )
    kind, value = member or (None, None)
    return [added for (added,) in view.execute(sql, (name, kind, value))]
