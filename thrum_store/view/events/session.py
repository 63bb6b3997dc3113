"""The events of sessions: started, ended."""

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


class SessionStart:
    """A session began; its id is the event's."""

    schema: Mapping[str, str] = {"again?": "origin"}
    sample: Mapping[str, Any] = {}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Add an open session."""
        projection.db.execute(
            "INSERT OR IGNORE INTO sessions (id, agent, started_ms, seq) VALUES (?, ?, ?, ?)",
            (event.id, author, event.ms, event.seq),
        )

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return the sessions that are open."""
        events = purge.gone("session.start")
        return [purge.copy(event) for event in events if queries.is_open(purge.view, original(event).id)]


class SessionEnd:
    """A session ended; `reason` is `normal`, `crash` or `crash_recovered`."""

    schema: Mapping[str, str] = {"session": "text", "reason": "text"}
    sample: Mapping[str, Any] = {"session": "ses_0", "reason": "normal"}

    @staticmethod
    def apply(projection: Projection, event: Event, author: int) -> None:
        """Close the session, once."""
        projection.db.execute(
            "UPDATE sessions SET ended_ms = ?, reason = ? WHERE id = ? AND agent = ? AND ended_ms IS NULL",
            (event.ms, event.data["reason"], event.data["session"], author),
        )

    @staticmethod
    def carried(purge: ShardPurge) -> list[Draft]:
        """Return nothing: the events of an ended session are purged."""
        return []


RULES: Mapping[str, type[Rules]] = {"session.start": SessionStart, "session.end": SessionEnd}
