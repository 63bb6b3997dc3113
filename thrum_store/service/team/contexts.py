"""Saved contexts: an agent's notes to itself, to continue after a compaction or in a new session.

They are two files in the agent's worktree: `.thrum/context/<agent>.md`, and `<agent>_preamble.md`, the stable text
before it. Sharing copies the first into the branch a-sync, for every worktree and machine.
"""

from __future__ import annotations

import os

from thrum_store import identity, values
from thrum_store.errors import Invalid
from thrum_store.log.events import fingerprint
from thrum_store.machine.host import Host
from thrum_store.repository.paths import Paths, shared_context
from thrum_store.store import Store
from thrum_store.values import Record, replaced, rfc3339
from thrum_store.view.queries import lookup

LIMIT = 256 * 1024  # bytes
HOW_TO_SAVE = "`thrum context save --file PATH` saves a file; `thrum context clear` deletes the notes"
_PREAMBLE = "_preamble"


class Context(Record):
    """An agent's saved context and preamble. `content` and `updated_at` are None if nothing was saved.

    `shared`: this worktree has none, so this is the copy that the agent shared.
    """

    address: str
    has_context: bool
    content: str | None
    preamble: str | None
    size: int
    updated_at: str | None
    shared: bool = False


class Saved(Record):
    """A written file of an agent: its context or its preamble."""

    address: str
    kind: str
    file: str
    size: int

    JSON = "agent_id=address what=kind file size"


def save(store: Store, agent: str, content: str) -> Saved:
    """Replace the agent's context in this worktree. Raises Invalid, also for a text without a visible character."""
    if not any(letter.isprintable() and not letter.isspace() for letter in content):
        raise Invalid("there are no notes to save: the text is empty", hint=HOW_TO_SAVE)
    return _write(store, agent, "context", content)


def show(store: Store, agent: str) -> Context:
    """Return the agent's context and preamble in this worktree, else its shared context.

    For another clone's agent, `name@nick`, return what it shared. Raises Invalid for a malformed name.
    """
    name, _, nick = agent.partition("@")
    local = Context(agent, False, None, None, 0, None) if nick else in_worktree(store.paths, store.host, name)
    if local.has_context:
        return local
    stores = [row.store for row in lookup.named(store.view, name) if row.store.startswith(nick)]
    copies = (_text(store.host, os.path.join(store.paths.logs, owner, shared_context(name))) for owner in stores)
    content = next((copy for copy in copies if copy), None)
    if content is None:
        return local
    return replaced(local, has_context=True, content=content, size=len(content.encode()), shared=True)


def in_worktree(paths: Paths, host: Host, agent: str) -> Context:
    """Return the agent's context and preamble in this worktree; needs no store."""
    path = _path(paths.local, agent, "context")
    content, preamble = _text(host, path), _text(host, _path(paths.local, agent, "preamble"))
    size = len(content.encode()) if content is not None else 0
    updated = rfc3339(os.stat(path).st_mtime_ns // 1_000_000) if content is not None else None
    return Context(agent, content is not None, content, preamble, size, updated)


def forget(store: Store, agent: str) -> bool:
    """Remove the agent's context from this worktree; return whether there was one. Raises Invalid for a bad name."""
    path = _path(store.paths.local, agent, "context")
    existed = store.host.storage.size(path) >= 0
    store.host.storage.remove(path)
    return existed


def withdraw(store: Store, agent: str) -> None:
    """Empty the copy that the agent shared: the next sync takes an empty one out of the branch a-sync."""
    path = os.path.join(store.paths.logs, store.own, shared_context(agent))
    if store.host.storage.size(path) > 0:
        store.host.storage.replace(path, b"")


def set_preamble(store: Store, agent: str, content: str, *, ours: bool = False) -> Saved:
    """Replace the agent's preamble in this worktree; `ours`: nobody wrote this text by hand. Raises Invalid."""
    if ours:
        _remember(store.host, store.paths.local, agent, content)
    return _write(store, agent, "preamble", content)


def write_preamble(host: Host, local: str, agent: str, content: str) -> str:
    """Replace the agent's preamble in the worktree whose `.thrum` is `local` by a text of ours; return its path."""
    path = _path(local, agent, "preamble")
    _remember(host, local, agent, content)
    host.storage.replace(path, content.encode())
    return path


def _remember(host: Host, local: str, agent: str, preamble: str) -> None:
    """Record a text of ours before it is written, so that after a kill nobody takes it for a person's."""
    path = _record(local, agent)
    host.storage.directory(os.path.dirname(path))
    if not is_ours(host, local, agent, preamble):
        known = _text(host, path) or ""
        host.storage.replace(path, f"{known}{fingerprint(preamble.encode())}\n".encode())


def is_ours(host: Host, local: str, agent: str, preamble: str) -> bool:
    """Return whether thrum wrote this preamble for the agent, so that nobody edited it."""
    return fingerprint(preamble.encode()) in (_text(host, _record(local, agent)) or "").split()


def remove(host: Host, local: str, agent: str) -> None:
    """Remove the files of an agent from the worktree whose `.thrum` is `local`; some names have none."""
    if agent.endswith(_PREAMBLE):
        return
    for name in ("context", "preamble"):
        host.storage.remove(_path(local, agent, name))
    host.storage.remove(_record(local, agent))


def _record(local: str, agent: str) -> str:
    """Return the path of the hashes of the preambles that we wrote for an agent."""
    return f"{_path(local, agent, 'preamble').removesuffix('.md')}.written"


def checked(agent: str, file: str, content: str) -> bytes:
    """Return a text as it is kept. Raises Invalid for a text or an agent's name that cannot be."""
    _path("", agent, file)
    data = values.storable(content, file).encode()
    if len(data) > LIMIT:
        raise Invalid(f"the {file} has {len(data):,} bytes; {LIMIT:,} fit", hint="shorten it")
    return data


def _write(store: Store, agent: str, file: str, content: str) -> Saved:
    data = checked(agent, file, content)
    path = _path(store.paths.local, agent, file)
    store.host.storage.directory(os.path.dirname(path))
    store.host.storage.replace(path, data)
    return Saved(agent, file, os.path.relpath(path, store.paths.root), len(data))


def _path(local: str, agent: str, file: str) -> str:
    """Return the path of a context or preamble; the name is checked because it becomes part of the path."""
    name = identity.valid_name(agent)
    if name.endswith(_PREAMBLE):
        raise Invalid(f"{agent!r} cannot have a context: its file would be another agent's preamble", hint="rename it")
    return os.path.join(local, "context", f"{name}{_PREAMBLE if file == 'preamble' else ''}.md")


def _text(host: Host, path: str) -> str | None:
    try:
        return host.storage.read(path).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
