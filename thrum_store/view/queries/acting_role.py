"""The mailbox of an agent that acts in another role for one call: the addresses of that role reach it, not of its own.

Nothing is delivered to it in that role, so this mailbox is read by a query. A message that it reads there has a receipt
without a delivery, as the receipt of a message that is still on its way.
"""

from __future__ import annotations

from thrum_store import values

from . import groups
from .lookup import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.view.database import Connection

# Of its own deliveries those stay that another address than its own role explains.
_SQL = """(
SELECT recipient, number, message, late, read_ms FROM deliveries
 WHERE recipient = :reader AND EXISTS (
    SELECT 1 FROM messages o, json_each(CASE o.audience WHEN '[]' THEN '[["everyone"]]' ELSE o.audience END) e
     WHERE o.number = deliveries.message AND CASE json_extract(e.value, '$[0]')
        WHEN 'role' THEN json_extract(e.value, '$[1]') = :acting_role
        WHEN 'agent' THEN json_extract(e.value, '$[1]') IN (:acting_name, :acting_address)
        ELSE 1 END)
UNION ALL
SELECT :reader, o.number, o.number, 0, r.ms FROM messages o
  LEFT JOIN receipts r ON r.message = o.id AND r.reader = :reader
 WHERE o.number IN (
    SELECT message FROM tags WHERE field = 'to' AND type = 'role' AND value = :acting_role
    UNION SELECT message FROM tags WHERE field = 'to' AND type = 'group'
     AND value IN (SELECT value FROM json_each(:acting_groups)))
   AND o.author != :reader AND o.deleted_ms IS NULL
   AND NOT EXISTS (SELECT 1 FROM deliveries x WHERE x.recipient = :reader AND x.message = o.number)
) d"""


def source(view: Connection, name: str, address: str, role: str) -> Source:
    """Return the mailbox of the agent `name` in a role; a group that holds the role reaches it, too."""
    holding = [group for group in groups.names(view) if role in groups.inside(view, group).roles]
    bound = {"acting_name": name, "acting_address": address, "acting_role": role}
    return Source(_SQL, {**bound, "acting_groups": values.compact(holding)})
