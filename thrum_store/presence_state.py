"""Values that change all the time and are no events: last seen, intent, task, scopes, and what git says (design §2).

One small last-value file for each agent, `.thrum/var/live/<agent>.json`; it outlives the view. What other stores
publish of theirs stands in `v1/<store>/live.json`, one file for all its agents.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from .machine.host import Host
from .repository.changes import Changes, Commit, FileChange
from .repository.paths import LIVE, Paths

_FOREIGN_LIMIT = 4 * 1024 * 1024  # bytes of another store's file that are looked at


@dataclass(frozen=True)
class PresenceState:
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
        """These values where `session` is theirs; else only what does not belong to one."""
        if session == self.session:
            return self
        return PresenceState(self.seen_ms, session or "", changes=self.changes, changes_ms=self.changes_ms)


NOTHING = PresenceState()


def load(var: str, host: Host, agent: str) -> PresenceState:
    """An agent's last values; nothing where it has none, or a file that cannot be read."""
    try:
        return _live(json.loads(host.storage.read(_path(var, agent))))
    except (FileNotFoundError, ValueError):
        return NOTHING


def save(var: str, host: Host, agent: str, values: PresenceState) -> None:
    """Keeps an agent's last values. Only under the lock of its shard."""
    host.storage.directory(os.path.join(var, LIVE))
    host.storage.replace(_path(var, agent), json.dumps(asdict(values), ensure_ascii=True).encode() + b"\n")


def forget(var: str, host: Host, agent: str) -> None:
    """Drops an agent's last values."""
    host.storage.remove(_path(var, agent))


def own(var: str, host: Host) -> dict[str, PresenceState]:
    """The last values of all agents of this store, by name."""
    names = [name[:-5] for name in host.storage.listing(os.path.join(var, LIVE)) if name.endswith(".json")]
    return {name: load(var, host, name) for name in names}


def published(values: dict[str, PresenceState]) -> bytes:
    """What a store tells the others about its agents; equal values give equal bytes."""
    told = {"agents": {name: asdict(replace(one, seen_ms=0)) for name, one in values.items()}, "version": 1}
    return json.dumps(told, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def everyone(paths: Paths, host: Host, store: str) -> dict[tuple[str, str], PresenceState]:
    """The last values of all agents by (store, name): this store's, and what others published."""
    found = {(store, name): one for name, one in own(paths.var, host).items()}
    for other in host.storage.listing(paths.logs):
        if other != store:
            found |= {(other, name): one for name, one in _foreign(paths, host, other).items()}
    return found


def _foreign(paths: Paths, host: Host, store: str) -> dict[str, PresenceState]:
    try:
        told = json.loads(host.storage.read(os.path.join(paths.logs, store, "live.json"), 0, _FOREIGN_LIMIT))
        return {str(name): _live(raw) for name, raw in told["agents"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _path(var: str, agent: str) -> str:
    return os.path.join(var, LIVE, f"{agent}.json")


def _live(raw: Any) -> PresenceState:
    """Values from JSON that may come from strangers: whatever has another shape counts as absent."""
    told = _object(raw)
    return PresenceState(
        seen_ms=_number(told.get("seen_ms")) or 0,
        session=_text(told.get("session")),
        intent=_text(told.get("intent")),
        intent_ms=_number(told.get("intent_ms")),
        task=_text(told.get("task")),
        task_ms=_number(told.get("task_ms")),
        scopes=_texts(told.get("scopes")),
        refs=_texts(told.get("refs")),
        changes=_changes(told.get("changes")),
        changes_ms=_number(told.get("changes_ms")),
    )


def _changes(raw: Any) -> Changes | None:
    if raw is None:
        return None
    told = _object(raw)
    return Changes(
        worktree_path=_text(told.get("worktree_path")),
        branch=_text(told.get("branch")),
        base=_text(told.get("base")),
        unmerged_commits=tuple(
            Commit(_text(one.get("sha")), _text(one.get("message")), _texts(one.get("files")))
            for one in _objects(told.get("unmerged_commits"))
        ),
        file_changes=tuple(
            FileChange(
                _text(one.get("path")), _number(one.get("additions")) or 0, _number(one.get("deletions")) or 0,
                _text(one.get("status")),
            )
            for one in _objects(told.get("file_changes"))
        ),
        uncommitted_files=_texts(told.get("uncommitted_files")),
    )  # fmt: skip


def _object(raw: object) -> dict[str, Any]:
    return cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}


def _list(raw: object) -> list[Any]:
    return list(cast("Iterable[Any]", raw)) if isinstance(raw, list) else []


def _objects(raw: Any) -> list[dict[str, Any]]:
    return [found for one in _list(raw) if (found := _object(one))]


def _text(raw: Any) -> str:
    return raw if isinstance(raw, str) else ""


def _texts(raw: Any) -> tuple[str, ...]:
    return tuple(one for one in _list(raw) if isinstance(one, str))


def _number(raw: Any) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) else None
