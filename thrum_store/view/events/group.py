"""The events of groups: created, deleted, members added and removed.

Groups are observed-remove sets: a removal names the additions that its author had seen, so it takes no other one along.
"""

from __future__ import annotations

from thrum_store.log.events import original
from thrum_store.view.queries import purge as queries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from thrum_store.log.events import Draft, Event
    from thrum_store.view.projection import Projection, Rules
    from thrum_store.view.queries.purge import ShardPurge


class GroupCreate:
    """A group was created; its id is the event's."""

    schema: Mapping[str, str] = {"group": "text", "description?": "text", "again?": "origin"}
    sample: Mapping[str, Any] = {"group": "reviewers", "description": "who reads what the others write"}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Add the group."""
        _add(projection, event, "", "", event.data.get("description", ""))

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the groups that were not deleted since."""
        return _not_removed(purge, "group.create")


class GroupMemberAdd:
    """A member was added: an agent, a role or another group."""

    schema: Mapping[str, str] = {"group": "text", "member_type": "text", "member_value": "text", "again?": "origin"}
    sample: Mapping[str, Any] = {"group": "reviewers", "member_type": "agent", "member_value": "bob"}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Add the member."""
        _add(projection, event, event.data["member_type"], event.data["member_value"], "")

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the members that were not removed since."""
        return _not_removed(purge, "group.member.add")


class GroupDelete:
    """A group was deleted; `added` names the events that had made it."""

    schema: Mapping[str, str] = {"group": "text", "added": "texts", "again?": "origin"}
    sample: Mapping[str, Any] = {"group": "reviewers", "added": ["grp_0"]}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Remove the named additions."""
        _remove(projection, event)

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the deletions of groups that another log still adds."""
        return _still_added(purge, "group.delete")


class GroupMemberRemove:
    """A member was removed; `added` names the events that had added it."""

    schema: Mapping[str, str] = {
        "group": "text", "member_type": "text", "member_value": "text", "added": "texts", "again?": "origin",
    }  # fmt: skip
    sample: Mapping[str, Any] = {
        "group": "reviewers", "member_type": "agent", "member_value": "bob", "added": ["evt_0"],
    }  # fmt: skip

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Remove the named additions."""
        _remove(projection, event)

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the removals of members that another log still adds."""
        return _still_added(purge, "group.member.remove")


def _add(projection: Projection, event: Event, member_type: str, value: str, description: str) -> None:
    projection.db.execute(
        "INSERT OR IGNORE INTO group_adds VALUES (?, ?, ?, ?, ?, ?, ?)",
        (event.id, event.data["group"], member_type, value, description, event.ms, event.agent),
    )
    projection.audience_changed(event.ms)


def _remove(projection: Projection, event: Event) -> None:
    projection.db.executemany(
        "INSERT INTO group_removes VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET ms = min(ms, ?2)",
        [(added, event.ms) for added in event.data["added"]],
    )
    projection.audience_changed(event.ms)


def _not_removed(purge: ShardPurge, event_type: str) -> list[Draft]:
    events = purge.gone(event_type)
    return [purge.copy(event) for event in events if queries.is_alive(purge.view, original(event).id)]


def _still_added(purge: ShardPurge, event_type: str) -> list[Draft]:
    def still_added(event: Event) -> bool:
        return any(queries.is_known(purge.view, added) for added in event.data["added"])

    return [purge.copy(event) for event in purge.gone(event_type) if still_added(event)]


RULES: Mapping[str, type[Rules]] = {
    "group.create": GroupCreate,
    "group.member.add": GroupMemberAdd,
    "group.delete": GroupDelete,
    "group.member.remove": GroupMemberRemove,
}
