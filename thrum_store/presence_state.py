"""Presence state: the last values of an agent that are no events, such as intent, task, scopes and git status.

Each agent has one small file, `live/<agent>.json` in var, which outlives the view. The values that other stores
publish stand in `v1/<store>/live.json`, one file for all agents of a store.
"""

from __future__ import annotations

import os

from .errors import StorageFailed
from .repository.paths import LIVE, Paths, prompt_time, woken_mark
from .values import Record, canonical_ascii, fields_of, loads, replaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .machine.host import Host
    from .repository.changes import Changes, Commit, FileChange

_FOREIGN_LIMIT = 4 * 1024 * 1024  # bytes that are read of another store's file


class PresenceState(Record):
    """The last values of an agent. All but `seen_ms` and `changes` belong to `session`, and end with it."""

    seen_ms: int = 0
    session: str = ""
    intent: str = ""
    intent_ms: int | None = None
    task: str = ""
    task_ms: int | None = None
    scopes: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    changes: Changes | None = None
    changes_ms: int | None = None

    def of(self, session: str | None) -> PresenceState:
        """Return these values if they belong to `session`, else only those that belong to no session."""
        if session == self.session:
            return self
        return PresenceState(self.seen_ms, session or "", changes=self.changes, changes_ms=self.changes_ms)


NOTHING = PresenceState()


def load(var: str, host: Host, agent: str) -> PresenceState:
    """Return an agent's last values, or none if it has no file or one that cannot be read."""
    try:
        return _parsed(loads(host.storage.read(_path(var, agent))))
    except (FileNotFoundError, StorageFailed, ValueError):
        return NOTHING


def save(var: str, host: Host, agent: str, values: PresenceState) -> None:
    """Write an agent's last values. Only under the lock of its shard."""
    host.storage.directory(os.path.join(var, LIVE))
    host.storage.replace(_path(var, agent), canonical_ascii(_plain(values)).encode() + b"\n")


def forget(var: str, host: Host, agent: str) -> None:
    """Remove an agent's last values, and what began its last turn."""
    for path in (_path(var, agent), *(os.path.join(var, name) for name in (woken_mark(agent), prompt_time(agent)))):
        host.storage.remove(path)


def own(var: str, host: Host) -> dict[str, PresenceState]:
    """Return the last values of all agents of this store, by name."""
    names = [name[:-5] for name in host.storage.listing(os.path.join(var, LIVE)) if name.endswith(".json")]
    return {name: load(var, host, name) for name in names}


def published(values: dict[str, PresenceState]) -> bytes:
    """Return the file that a store publishes about its agents; equal values give equal bytes."""
    agents = {name: _plain(replaced(state, seen_ms=0)) for name, state in values.items()}
    return canonical_ascii({"agents": agents, "version": 1}).encode() + b"\n"


def everyone(paths: Paths, host: Host, store: str) -> dict[tuple[str, str], PresenceState]:
    """Return the last values of all agents by (store, name): of this store, and as others published them."""
    states = {(store, name): state for name, state in own(paths.var, host).items()}
    for other in host.storage.listing(paths.logs):
        if other != store:
            states |= {(other, name): state for name, state in _foreign(paths, host, other).items()}
    return states


def _foreign(paths: Paths, host: Host, store: str) -> dict[str, PresenceState]:
    try:
        content = loads(host.storage.read(os.path.join(paths.logs, store, "live.json"), 0, _FOREIGN_LIMIT))
        return {str(name): _parsed(raw) for name, raw in content["agents"].items()}
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _path(var: str, agent: str) -> str:
    return os.path.join(var, LIVE, f"{agent}.json")


def _plain(value: Any) -> Any:
    """Return a value for JSON, with an object for each record."""
    if isinstance(value, Record):
        return {name: _plain(getattr(value, name)) for name in fields_of(value) or ()}
    return [_plain(item) for item in value] if value.__class__ is tuple else value


# --- JSON from strangers: a value of another type counts as absent ---------------------------------------------------


def _parsed(raw: Any) -> PresenceState:
    fields = _object(raw)
    return PresenceState(
        seen_ms=_number(fields.get("seen_ms")) or 0,
        session=_text(fields.get("session")),
        intent=_text(fields.get("intent")),
        intent_ms=_number(fields.get("intent_ms")),
        task=_text(fields.get("task")),
        task_ms=_number(fields.get("task_ms")),
        scopes=_texts(fields.get("scopes")),
        refs=_texts(fields.get("refs")),
        changes=_changes(fields.get("changes")),
        changes_ms=_number(fields.get("changes_ms")),
    )


def _changes(raw: Any) -> Changes | None:
    if raw is None:
        return None
    from .repository.changes import Changes  # only where there are changes

    fields = _object(raw)
    return Changes(
        worktree_path=_text(fields.get("worktree_path")),
        branch=_text(fields.get("branch")),
        base=_text(fields.get("base")),
        unmerged_commits=tuple(map(_commit, _objects(fields.get("unmerged_commits")))),
        file_changes=tuple(map(_file_change, _objects(fields.get("file_changes")))),
        uncommitted_files=_texts(fields.get("uncommitted_files")),
    )


def _commit(fields: dict[str, Any]) -> Commit:
    from .repository.changes import Commit  # as above

    return Commit(_text(fields.get("sha")), _text(fields.get("message")), _texts(fields.get("files")))


def _file_change(fields: dict[str, Any]) -> FileChange:
    from .repository.changes import FileChange  # as above

    lines = [_number(fields.get(name)) or 0 for name in ("additions", "deletions")]
    return FileChange(_text(fields.get("path")), lines[0], lines[1], _text(fields.get("status")))


def _object(raw: Any) -> dict[str, Any]:
    return raw if raw.__class__ is dict else {}


def _list(raw: Any) -> list[Any]:
    return raw if raw.__class__ is list else []


def _objects(raw: Any) -> list[dict[str, Any]]:
    return [item for item in _list(raw) if _object(item)]


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


def _texts(raw: Any) -> tuple[str, ...]:
    return tuple(item for item in _list(raw) if isinstance(item, str))


def _number(raw: Any) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
