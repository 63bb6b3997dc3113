"""What an agent notes for itself, to find its way back after a compaction or in a new session.

Two files in the agent's worktree: `.thrum/context/<agent>.md`, and `<agent>_preamble.md`, the stable text before it.
Sharing puts a copy of the first into the branch a-sync, where every worktree and machine finds it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from thrum_store import model
from thrum_store.errors import Invalid
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths
from thrum_store.store import Store
from thrum_store.times import rfc3339
from thrum_store.view.queries import agents

LIMIT = 256 * 1024  # bytes; what a sync carries at most
_PREAMBLE = "_preamble"


@dataclass(frozen=True)
class Context:
    """An agent's saved context and preamble. `content` and `updated_at` are None where nothing was saved.

    `shared`: this is the copy that the agent shared, because there is none in this worktree.
    """

    agent_id: str
    has_context: bool
    content: str | None
    preamble: str | None
    size: int
    updated_at: str | None
    shared: bool = False


@dataclass(frozen=True)
class Saved:
    """A file that was written. `what` is context or preamble."""

    agent_id: str
    what: str
    file: str
    size: int


@dataclass(frozen=True)
class Cleared:
    """An agent's context is gone; `existed` says whether there was one. The preamble stays, and what was shared."""

    agent_id: str
    existed: bool
    shared: bool


def save(store: Store, agent: str, content: str) -> Saved:
    """Keeps `content` as the agent's context in this worktree, in place of what was there. Raises Invalid."""
    return _write(store, agent, "context", content)


def show(store: Store, agent: str) -> Context:
    """The agent's context and preamble in this worktree, else the context it shared; as `name@nick` of another clone's
    agent, what that one shared. Raises Invalid for no name.
    """
    name, _, nick = agent.partition("@")
    found = Context(agent, False, None, None, 0, None) if nick else in_worktree(store.paths, store.host, name)
    if found.has_context:
        return found
    known = [one.store for one in agents.named(store.view, name) if one.store.startswith(nick)]
    places = [os.path.join(store.paths.logs, one, shared_path(name)) for one in known]
    content = next((copy for copy in (_text(store.host, place) for place in places) if copy), None)
    if content is None:
        return found
    return replace(found, has_context=True, content=content, size=len(content.encode()), shared=True)


def shared_path(agent: str) -> str:
    """Where a shared context lies below its store."""
    return f"{agent}/context.md"


def in_worktree(paths: Paths, host: Host, agent: str) -> Context:
    """Like `show`, without a store."""
    path = _path(paths.local, agent, "context")
    content, preamble = _text(host, path), _text(host, _path(paths.local, agent, "preamble"))
    size = len(content.encode()) if content is not None else 0
    updated = rfc3339(os.stat(path).st_mtime_ns // 1_000_000) if content is not None else None
    return Context(agent, content is not None, content, preamble, size, updated)


def clear(store: Store, agent: str) -> Cleared:
    """Removes the agent's context from this worktree, if there is one. Raises Invalid for a name that is none."""
    path = _path(store.paths.local, agent, "context")
    existed = store.host.storage.size(path) >= 0
    store.host.storage.remove(path)
    return Cleared(agent, existed, show(store, agent).shared)


def set_preamble(store: Store, agent: str, content: str) -> Saved:
    """Keeps `content` as the text before the agent's context. Raises Invalid."""
    return _write(store, agent, "preamble", content)


def write_preamble(host: Host, local: str, agent: str, content: str) -> str:
    """Like `set_preamble`, for the worktree whose `.thrum` is `local`; the path of the file."""
    path = _path(local, agent, "preamble")
    host.storage.directory(os.path.dirname(path))
    host.storage.replace(path, content.encode())
    return path


def remove(host: Host, local: str, agent: str) -> None:
    """Removes both files of an agent from the worktree whose `.thrum` is `local`."""
    for what in ("context", "preamble"):
        host.storage.remove(_path(local, agent, what))


def _write(store: Store, agent: str, what: str, content: str) -> Saved:
    data = model.text(content, what).encode()
    if len(data) > LIMIT:
        raise Invalid(f"the {what} has {len(data):,} bytes; {LIMIT:,} fit", hint="keep it short: it is for a new start")
    path = _path(store.paths.local, agent, what)
    store.host.storage.directory(os.path.dirname(path))
    store.host.storage.replace(path, data)
    return Saved(agent, what, os.path.relpath(path, store.paths.root), len(data))


def _path(local: str, agent: str, what: str) -> str:
    """Where a file is; the name is checked because it becomes part of a path."""
    name = model.name(agent)
    if name.endswith(_PREAMBLE):
        raise Invalid(f"{agent!r} cannot have a context: its file would be another agent's preamble", hint="rename it")
    return os.path.join(local, "context", f"{name}{_PREAMBLE if what == 'preamble' else ''}.md")


def _text(host: Host, path: str) -> str | None:
    try:
        return host.storage.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
