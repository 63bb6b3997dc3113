"""Who there is: agents, their sessions, their presence."""

import sqlite3
from typing import NamedTuple

ACTIVE_MS = 10 * 60 * 1000  # an agent with an open session is active for this long after its last sign of life


class Agent(NamedTuple):
    """A registered agent. `session` is its open one; times in milliseconds."""

    id: int
    name: str
    store: str
    own: bool
    kind: str
    role: str
    module: str
    display: str
    worktree: str
    host: str
    first_ms: int
    updated_ms: int
    seen_ms: int
    session: str | None
    session_ms: int | None

    def active(self, now_ms: int) -> bool:
        """The one definition: an open session, and a sign of life in the last ten minutes."""
        return self.session is not None and now_ms - self.seen_ms < ACTIVE_MS


_SELECT = """
SELECT a.id, a.name, s.store, a.own, a.kind, a.role, a.module, a.display, a.worktree, a.host, a.first_ms, a.updated_ms,
       max(s.said_ms, coalesce(p.seen_ms, 0)), o.id, o.started_ms
  FROM agents a JOIN shards s ON s.id = a.id
  LEFT JOIN presence p ON p.agent = a.id
  LEFT JOIN sessions o ON o.agent = a.id AND o.ended_ms IS NULL
   AND o.seq = (SELECT max(seq) FROM sessions WHERE agent = a.id AND ended_ms IS NULL)
"""


def named(view: sqlite3.Connection, name: str) -> list[Agent]:
    """The agents of that name, this store's first."""
    return [Agent(*row) for row in view.execute(_SELECT + " WHERE a.name = ? ORDER BY a.own DESC, s.store", (name,))]


def own(view: sqlite3.Connection, name: str) -> Agent | None:
    """This store's agent of that name."""
    found = [agent for agent in named(view, name) if agent.own]
    return found[0] if found else None


class Speaker(NamedTuple):
    """An agent as far as saying something needs it; `session` is its open one."""

    id: int
    name: str
    store: str
    worktree: str
    session: str | None


def speaker(view: sqlite3.Connection, name: str) -> Speaker | None:
    """This store's agent of that name, by one step into each index: asked at every send."""
    sql = (
        "SELECT a.id, a.name, s.store, a.worktree, (SELECT o.id FROM sessions o WHERE o.agent = a.id"
        " AND o.ended_ms IS NULL ORDER BY o.seq DESC LIMIT 1)"
        " FROM agents a JOIN shards s ON s.id = a.id WHERE a.name = ? AND a.own"
    )
    row = view.execute(sql, (name,)).fetchone()
    return Speaker(*row) if row else None


def own_id(view: sqlite3.Connection, name: str) -> int | None:
    """The id of this store's agent of that name: one step into an index, for whoever needs no more."""
    row = view.execute("SELECT id FROM agents WHERE name = ? AND own", (name,)).fetchone()
    return int(row[0]) if row else None


def listed(view: sqlite3.Connection, role: str | None = None, module: str | None = None) -> list[Agent]:
    """All agents, those who registered last first."""
    sql = (
        _SELECT
        + " WHERE (?1 IS NULL OR a.role = ?1) AND (?2 IS NULL OR a.module = ?2) ORDER BY a.updated_ms DESC, a.id"
    )
    return [Agent(*row) for row in view.execute(sql, (role, module))]


def addressed(view: sqlite3.Connection, name: str) -> list[tuple[int, str, str]]:
    """(id, name, store) of the agents of that name, this store's first."""
    sql = (
        "SELECT a.id, a.name, s.store FROM agents a JOIN shards s ON s.id = a.id"
        " WHERE a.name = ? ORDER BY a.own DESC, s.store"
    )
    return view.execute(sql, (name,)).fetchall()


def with_role(view: sqlite3.Connection, role: str) -> list[tuple[int, str, str]]:
    """(id, name, store) of the agents with a role."""
    sql = "SELECT a.id, a.name, s.store FROM agents a JOIN shards s ON s.id = a.id WHERE a.role = ? ORDER BY a.id"
    return view.execute(sql, (role,)).fetchall()


def everyone(view: sqlite3.Connection) -> list[tuple[int, str, str]]:
    """(id, name, store) of all agents."""
    sql = "SELECT a.id, a.name, s.store FROM agents a JOIN shards s ON s.id = a.id ORDER BY a.id"
    return view.execute(sql).fetchall()


def roles(view: sqlite3.Connection) -> list[str]:
    """The roles that agents have."""
    return [role for (role,) in view.execute("SELECT DISTINCT role FROM agents ORDER BY role")]


def names(view: sqlite3.Connection) -> list[str]:
    """The names of all agents."""
    return [name for (name,) in view.execute("SELECT DISTINCT name FROM agents ORDER BY name")]


def seen(view: sqlite3.Connection, store: str, name: str, ms: int) -> None:
    """Notes a sign of life; an older one changes nothing."""
    sql = (
        "INSERT INTO presence (agent, seen_ms) SELECT id, ?3 FROM shards WHERE store = ?1 AND agent = ?2"
        " ON CONFLICT (agent) DO UPDATE SET seen_ms = max(seen_ms, excluded.seen_ms)"
    )
    view.execute(sql, (store, name, ms))


class Session(NamedTuple):
    """A session; times in milliseconds."""

    id: str
    agent: int
    started_ms: int
    ended_ms: int | None
    reason: str | None


def session(view: sqlite3.Connection, session_id: str) -> Session | None:
    """One session."""
    sql = "SELECT id, agent, started_ms, ended_ms, reason FROM sessions WHERE id = ?"
    row = view.execute(sql, (session_id,)).fetchone()
    return Session(*row) if row else None


def sessions(view: sqlite3.Connection, agent: int | None, open_only: bool) -> list[Session]:
    """The sessions of an agent or of all, the newest first."""
    sql = (
        "SELECT id, agent, started_ms, ended_ms, reason FROM sessions"
        " WHERE (?1 IS NULL OR agent = ?1) AND (NOT ?2 OR ended_ms IS NULL) ORDER BY started_ms DESC, id DESC"
    )
    return [Session(*row) for row in view.execute(sql, (agent, open_only))]


def open_session(view: sqlite3.Connection, agent: int) -> Session | None:
    """An agent's newest session that did not end."""
    sql = (
        "SELECT id, agent, started_ms, ended_ms, reason FROM sessions"
        " WHERE agent = ? AND ended_ms IS NULL ORDER BY seq DESC LIMIT 1"
    )
    row = view.execute(sql, (agent,)).fetchone()
    return Session(*row) if row else None
