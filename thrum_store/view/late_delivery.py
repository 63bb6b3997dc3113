"""Late deliveries: a message reaches agents of other stores that its sender could not know yet.

A message names its recipients. If it was sent to a role, a group or everyone, it also reaches agents of other stores
that belonged to its audience at the message's time. Whenever a message, a registration or a membership arrives, in any
order, `settle` brings these deliveries to what that rule gives now.
"""

from __future__ import annotations

from thrum_store import values

from . import membership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .database import Connection

    Deliver = Callable[[int, int, str], None]  # recipient, number and id of the message


def settle(db: Connection, messages: Iterable[int], audience_ms: int | None, deliver: Deliver) -> None:
    """Correct the late deliveries of these messages, and of all since `audience_ms`: audiences changed there."""
    numbers = set(messages)
    if audience_ms is not None:
        sql = "SELECT number FROM messages WHERE wide AND sent_ms >= ?"
        numbers.update(number for (number,) in db.execute(sql, (audience_ms,)))
    for number in sorted(numbers):
        _settle_message(db, number, deliver)


def _settle_message(db: Connection, number: int, deliver: Deliver) -> None:
    row = db.execute(
        "SELECT m.id, m.sent_ms, m.audience, s.store FROM messages m JOIN shards s ON s.id = m.author"
        " WHERE m.number = ? AND m.deleted_ms IS NULL",
        (number,),
    ).fetchone()
    if row is None:
        return
    message_id, ms, audience, store = row
    present = _recipients(db, number, late=True)
    due = _audience(db, audience, ms, store) - _recipients(db, number, late=False)
    for recipient in sorted(due - present):
        deliver(recipient, number, message_id)
    for recipient in sorted(present - due):
        _withdraw(db, recipient, number, message_id)


def _recipients(db: Connection, number: int, *, late: bool) -> set[int]:
    sql = "SELECT recipient FROM deliveries WHERE message = ? AND late = ?"
    return {recipient for (recipient,) in db.execute(sql, (number, late))}


def _withdraw(db: Connection, recipient: int, message: int, message_id: str) -> None:
    """Remove a delivery; its receipt is kept in case the delivery is made again."""
    delivery = "FROM deliveries WHERE recipient = ? AND message = ?"
    (read_ms,) = db.execute(f"SELECT read_ms {delivery}", (recipient, message)).fetchone()
    db.execute(f"DELETE {delivery}", (recipient, message))
    if read_ms is not None:
        db.execute("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)", (message_id, recipient, read_ms))


def _audience(db: Connection, audience: str, ms: int, store: str) -> set[int]:
    """Return the agents of stores other than `store` that the wide addresses meant at `ms`."""
    wide = [(kind, value) for kind, value in values.loads(audience) if kind != "agent"]
    agents = db.execute(
        "SELECT a.id, a.name FROM agents a JOIN shards s ON s.id = a.id WHERE s.store != ?", (store,)
    ).fetchall()
    return {
        agent
        for agent, name in agents
        if membership.reached(wide, name, _role(db, agent, ms), lambda group: _members(db, group, ms))
    }


def _role(db: Connection, agent: int, ms: int) -> str | None:
    rows = db.execute("SELECT seq, ms, role FROM registrations WHERE id = ?", (agent,))
    return membership.role_at((membership.Registration._make(row) for row in rows), ms)


def _members(db: Connection, group: str, ms: int) -> membership.Members:
    return membership.expanded(group, lambda name: _alive(db, name, ms))


def _alive(db: Connection, group: str, ms: int) -> list[membership.Added]:
    adds = db.execute("SELECT id, member_type, member_value, ms FROM group_adds WHERE name = ?", (group,)).fetchall()
    removed: dict[str, int] = {}
    for add in adds:
        row = db.execute("SELECT ms FROM group_removes WHERE id = ?", add[:1]).fetchone()
        if row:
            removed[add[0]] = row[0]
    alive = membership.alive((membership.Added(*add) for add in adds), removed, ms)
    # A member that another machine added to a group that was being deleted is in no group, as when a message is sent.
    return alive if any(add.member_type == membership.ITSELF for add in alive) else []
