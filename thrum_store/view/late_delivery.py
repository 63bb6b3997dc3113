"""Who else a message reached: agents of other stores that its sender could not know yet.

A message names its recipients. Where it was sent to a role, a group or everyone, an agent of another store that was
there at the message's time gets it too (design §4). Whenever a message, a registration or a membership arrives, in any
order, `settle` brings these late deliveries to what the rule says now.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from thrum_store import json_codec

if TYPE_CHECKING:
    from .membership import Added, Members

Deliver = Callable[..., None]


class LateDeliveries:
    """Collects what one transaction touched and settles it at its end."""

    def __init__(self, connection: sqlite3.Connection, next_number: Callable[[], int], deliver: Deliver) -> None:
        self._db = connection
        self._next_number = next_number
        self._deliver = deliver
        self._messages: set[int] = set()
        self._since: int | None = None

    def message(self, number: int) -> None:
        """A message with wide addresses came."""
        self._messages.add(number)

    def changed(self, ms: int) -> None:
        """A registration or a membership of this time came: messages from then on may have other recipients."""
        self._since = ms if self._since is None else min(self._since, ms)

    def settle(self) -> None:
        """Makes all late deliveries what they should be."""
        touched = sorted(self._messages)
        self._messages.clear()
        since, self._since = self._since, None
        if (not touched and since is None) or not self._several_stores():
            return
        if since is not None:
            sql = "SELECT number FROM messages WHERE wide AND sent_ms >= ? ORDER BY number"
            touched = sorted({*touched, *(number for (number,) in self._db.execute(sql, (since,)))})
        for number in touched:
            self._settle(number)

    def _several_stores(self) -> bool:
        (stores,) = self._db.execute("SELECT count(*) FROM (SELECT DISTINCT store FROM shards LIMIT 2)").fetchone()
        return int(stores) > 1

    def _settle(self, number: int) -> None:
        sql = (
            "SELECT m.id, m.sent_ms, m.author, s.store FROM messages m JOIN shards s ON s.id = m.author"
            " WHERE m.number = ? AND m.deleted_ms IS NULL"
        )
        row = self._db.execute(sql, (number,)).fetchone()
        if row is None:
            return
        message_id, ms, _, store = row
        named = self._recipients(number, late=False)
        have = self._recipients(number, late=True)
        want = self._reached(number, ms, store) - named
        for recipient in sorted(want - have):
            self._deliver([recipient], self._next_number(), number, message_id, late=True)
        for recipient in sorted(have - want):
            self._withdraw(recipient, number, message_id)

    def _recipients(self, number: int, *, late: bool) -> set[int]:
        sql = "SELECT recipient FROM deliveries WHERE message = ? AND late = ?"
        return {recipient for (recipient,) in self._db.execute(sql, (number, late))}

    def _withdraw(self, recipient: int, message: int, message_id: str) -> None:
        sql = "DELETE FROM deliveries WHERE recipient = ? AND message = ? RETURNING read_ms"
        (read_ms,) = self._db.execute(sql, (recipient, message)).fetchone()
        if read_ms is not None:
            self._db.execute("INSERT OR IGNORE INTO receipts VALUES (?, ?, ?)", (message_id, recipient, read_ms))

    def _reached(self, number: int, ms: int, store: str) -> set[int]:
        from . import membership  # 0.4 ms, which only a message that reaches another store pays

        (audience,) = self._db.execute("SELECT audience FROM messages WHERE number = ?", (number,)).fetchone()
        wide = [(kind, value) for kind, value in json_codec.loads(audience) if kind != "agent"]
        members = partial(self._members, ms=ms)
        sql = "SELECT a.id, a.name FROM agents a JOIN shards s ON s.id = a.id WHERE s.store != ?"
        return {
            agent
            for agent, name in self._db.execute(sql, (store,)).fetchall()
            if membership.reached(wide, name, self._role(agent, ms), members)
        }

    def _role(self, agent: int, ms: int) -> str | None:
        from . import membership  # as above

        rows = self._db.execute("SELECT seq, ms, role FROM registrations WHERE id = ?", (agent,))
        return membership.role_at((membership.Registration(*row) for row in rows), ms)

    def _members(self, group: str, ms: int) -> Members:
        from . import membership  # as above

        return membership.expanded(group, partial(self._alive, ms=ms))

    def _alive(self, group: str, ms: int) -> list[Added]:
        from . import membership  # as above

        adds = self._db.execute(
            "SELECT id, member_type, member_value, ms FROM group_adds WHERE name = ?", (group,)
        ).fetchall()
        removes: dict[str, int] = {}
        for add in adds:
            row = self._db.execute("SELECT ms FROM group_removes WHERE id = ?", add[:1]).fetchone()
            if row:
                removes[add[0]] = row[0]
        found = membership.alive((membership.Added(*add) for add in adds), removes, ms)
        # What another machine added to a group that was being deleted holds nobody, as when a message is sent.
        return found if any(add.member_type == membership.ITSELF for add in found) else []
