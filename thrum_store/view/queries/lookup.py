"""Lookup of agents by name or role, of messages by id or key, and of unread mail."""

from __future__ import annotations

from thrum_store.values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection


# --- agents -----------------------------------------------------------------------------------------------------------
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
    seen_ms: int
    session: str | None
    session_ms: int | None

    def active(self, now_ms: int) -> bool:
        """Return whether it has an open session and was seen in the last ten minutes."""
        return self.session is not None and now_ms - self.seen_ms < ACTIVE_MS


_SELECT = """
SELECT a.id, a.name, s.store, a.own, a.kind, a.role, a.module, a.display, a.worktree, a.host, a.first_ms,
       max(s.said_ms, coalesce(p.seen_ms, 0)), o.id, o.started_ms
  FROM agents a JOIN shards s ON s.id = a.id
  LEFT JOIN presence p ON p.agent = a.id
  LEFT JOIN sessions o ON o.agent = a.id AND o.ended_ms IS NULL
   AND o.seq = (SELECT max(seq) FROM sessions WHERE agent = a.id AND ended_ms IS NULL)
"""


def named(view: Connection, name: str) -> list[Agent]:
    """Return the agents of that name, this store's first."""
    return [
        Agent._make(row) for row in view.execute(_SELECT + " WHERE a.name = ? ORDER BY a.own DESC, s.store", (name,))
    ]


def own(view: Connection, name: str) -> Agent | None:
    """Return this store's agent of that name."""
    return next((agent for agent in named(view, name) if agent.own), None)


class Speaker(NamedTuple):
    """The fields of an agent that a send and a read need; `session` is its open one."""

    id: int
    name: str
    store: str
    worktree: str
    session: str | None
    role: str
    module: str
    display: str


def speaker(view: Connection, name: str) -> Speaker | None:
    """Return this store's agent of that name, by one step into each index: asked at every send."""
    sql = (
        "SELECT a.id, a.name, s.store, a.worktree, (SELECT o.id FROM sessions o WHERE o.agent = a.id"
        " AND o.ended_ms IS NULL ORDER BY o.seq DESC LIMIT 1),"
        " a.role, a.module, a.display FROM agents a JOIN shards s ON s.id = a.id WHERE a.name = ? AND a.own"
    )
    row = view.execute(sql, (name,)).fetchone()
    return Speaker._make(row) if row else None


def listed(view: Connection, role: str | None = None, module: str | None = None) -> list[Agent]:
    """Return all agents, those that registered last first."""
    sql = (
        _SELECT
        + " WHERE (?1 IS NULL OR a.role = ?1) AND (?2 IS NULL OR a.module = ?2) ORDER BY a.updated_ms DESC, a.id"
    )
    return [Agent._make(row) for row in view.execute(sql, (role, module))]


def addressed(view: Connection, name: str | None = None, role: str | None = None) -> list[tuple[int, str, str]]:
    """Return (id, name, store) of the agents of a name (this store's first), with a role, or of all."""
    sql = "SELECT a.id, a.name, s.store FROM agents a JOIN shards s ON s.id = a.id"
    if name is not None:
        return view.execute(sql + " WHERE a.name = ? ORDER BY a.own DESC, s.store", (name,)).fetchall()
    if role is not None:
        return view.execute(sql + " WHERE a.role = ? ORDER BY a.id", (role,)).fetchall()
    return view.execute(sql + " ORDER BY a.id").fetchall()


def roles(view: Connection) -> list[str]:
    """Return the roles that agents have."""
    return [role for (role,) in view.execute("SELECT DISTINCT role FROM agents WHERE role <> '' ORDER BY role")]


def names(view: Connection) -> list[str]:
    """Return the names of all agents."""
    return [name for (name,) in view.execute("SELECT DISTINCT name FROM agents ORDER BY name")]


def seen(view: Connection, store: str, name: str, ms: int) -> None:
    """Save the time an agent was last seen; an older one changes nothing."""
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


def session(view: Connection, session_id: str) -> Session | None:
    """Return a session by its id."""
    sql = "SELECT id, agent, started_ms, ended_ms, reason FROM sessions WHERE id = ?"
    row = view.execute(sql, (session_id,)).fetchone()
    return Session._make(row) if row else None


def sessions(view: Connection, agent: int | None, open_only: bool) -> list[Session]:
    """Return the sessions of an agent or of all, the newest first."""
    sql = (
        "SELECT id, agent, started_ms, ended_ms, reason FROM sessions"
        " WHERE (?1 IS NULL OR agent = ?1) AND (NOT ?2 OR ended_ms IS NULL) ORDER BY started_ms DESC, id DESC"
    )
    return [Session._make(row) for row in view.execute(sql, (agent, open_only))]


def open_session(view: Connection, agent: int) -> Session | None:
    """Return an agent's newest session that did not end."""
    sql = (
        "SELECT id, agent, started_ms, ended_ms, reason FROM sessions"
        " WHERE agent = ? AND ended_ms IS NULL ORDER BY seq DESC LIMIT 1"
    )
    row = view.execute(sql, (agent,)).fetchone()
    return Session._make(row) if row else None


class Row(NamedTuple):
    """A message. `audience`, `scopes`, `refs` and `structured` are JSON; times in milliseconds."""

    number: int
    id: str
    author: int
    author_name: str
    author_store: str
    author_own: bool
    sent_ms: int
    received_ms: int
    thread: str | None
    reply_to: str | None
    session: str | None
    format: str
    content: str
    structured: str | None
    audience: str
    scopes: str | None
    refs: str | None
    version: int
    edited_ms: int | None
    deleted_ms: int | None
    delete_reason: str | None
    role: str


COLUMNS = (
    "m.number, m.id, m.author, s.agent, s.store, coalesce(a.own, 0), m.sent_ms, m.received_ms, m.thread, m.reply_to,"
    " m.session, m.format, m.content, m.structured, m.audience, m.scopes, m.refs, m.version, m.edited_ms,"
    " m.deleted_ms, m.delete_reason, coalesce(m.author_role, a.role, '')"
)
JOINS = " JOIN shards s ON s.id = m.author LEFT JOIN agents a ON a.id = m.author"


def message(view: Connection, message_id: str) -> Row | None:
    """Return a message, deleted or not."""
    row = view.execute(f"SELECT {COLUMNS} FROM messages m{JOINS} WHERE m.id = ?", (message_id,)).fetchone()
    return Row._make(row) if row else None


def with_key(view: Connection, author: int, key: str) -> Row | None:
    """Return the message that an author sent under an idempotency key."""
    sql = f"SELECT {COLUMNS} FROM messages m{JOINS} WHERE m.author = ? AND m.idempotency = ? ORDER BY m.seq LIMIT 1"
    row = view.execute(sql, (author, key)).fetchone()
    return Row._make(row) if row else None


class Delivery(NamedTuple):
    """A recipient of a message; `answered` once it has replied."""

    name: str
    store: str
    own: bool
    delivered_ms: int
    read_ms: int | None
    answered: bool


def deliveries(view: Connection, number: int) -> list[Delivery]:
    """Return the recipients of a message, by name."""
    sql = (
        "SELECT s.agent, s.store, coalesce(a.own, 0), m.received_ms, d.read_ms,"
        " EXISTS (SELECT 1 FROM messages r WHERE r.reply_to = m.id AND r.author = d.recipient)"
        " FROM deliveries d JOIN messages m ON m.number = d.message JOIN shards s ON s.id = d.recipient"
        " LEFT JOIN agents a ON a.id = d.recipient WHERE d.message = ? ORDER BY s.agent, s.store"
    )
    return [Delivery._make(row) for row in view.execute(sql, (number,))]


class Source(NamedTuple):
    """The deliveries `d` that a mailbox is read from, as SQL, and the values that it binds."""

    sql: str
    bound: dict[str, object]


DELIVERED = Source("deliveries d", {})
UNREAD = Source("deliveries d INDEXED BY deliveries_unread", {})


# --- unread mail ------------------------------------------------------------------------------------------------------
RESERVED_MS = 30_000  # how long a reservation lasts: longer than any response takes to be written
_UNRESERVED = (
    " NOT EXISTS (SELECT 1 FROM claims c WHERE c.recipient = d.recipient AND c.number = d.number"
    " AND c.until_ms > :now AND c.until_ms <= :now + :lease)"
)


class Unread(NamedTuple):
    """An unread message in a mailbox, under its delivery number."""

    delivery: int
    row: Row


def is_unread(view: Connection, message_id: str, reader: int, source: Source = DELIVERED) -> bool:
    """Return whether a message is unread in this mailbox."""
    sql = (
        f"SELECT 1 FROM messages m JOIN {source.sql} ON d.message = m.number"
        " WHERE m.id = :id AND d.recipient = :reader AND d.read_ms IS NULL"
    )
    return view.execute(sql, {"id": message_id, "reader": reader, **source.bound}).fetchone() is not None


def unread(
    view: Connection, reader: int, limit: int, now_ms: int, after: int = 0, source: Source = UNREAD
) -> list[Unread]:
    """Return the oldest unread messages that nobody is handing over, `after` a delivery number."""
    sql = (
        f"SELECT d.number, {COLUMNS} FROM {source.sql}"
        f" JOIN messages m ON m.number = d.message{JOINS}"
        f" WHERE d.recipient = :reader AND d.read_ms IS NULL AND d.number > :after AND{_UNRESERVED}"
        " ORDER BY d.number LIMIT :n"
    )
    bound = {"reader": reader, "after": after, "n": limit, "now": now_ms, "lease": RESERVED_MS, **source.bound}
    return [Unread(row[0], Row._make(row[1:])) for row in view.execute(sql, bound)]


def newest_unread(view: Connection, reader: int, source: Source = UNREAD) -> int:
    """Return the number of a reader's newest unread delivery; 0 without any."""
    sql = f"SELECT coalesce(max(d.number), 0) FROM {source.sql} WHERE d.recipient = :reader AND d.read_ms IS NULL"
    (newest,) = view.execute(sql, {"reader": reader, **source.bound}).fetchone()
    return int(newest)


def unread_count(view: Connection, reader: int, source: Source = DELIVERED) -> int:
    """Return how many unread messages a mailbox holds."""
    sql = f"SELECT count(*) FROM {source.sql} WHERE d.recipient = :reader AND d.read_ms IS NULL"
    (count,) = view.execute(sql, {"reader": reader, **source.bound}).fetchone()
    return int(count)


def unread_ids(view: Connection, reader: int, source: Source = DELIVERED) -> list[str]:
    """Return the ids of all unread messages, oldest first."""
    sql = (
        f"SELECT m.id FROM {source.sql} JOIN messages m ON m.number = d.message"
        " WHERE d.recipient = :reader AND d.read_ms IS NULL ORDER BY d.number"
    )
    return [message_id for (message_id,) in view.execute(sql, {"reader": reader, **source.bound})]
