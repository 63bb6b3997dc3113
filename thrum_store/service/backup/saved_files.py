"""Configuration, identities, contexts and role templates in a backup: collected, and brought back where they are lost.

A file that is there stays, whatever the backup holds: it may be newer.
"""

from __future__ import annotations

import os

from thrum_store import identity, values
from thrum_store.errors import Invalid, StorageFailed, ThrumError
from thrum_store.identity import Caller
from thrum_store.machine.host import Host
from thrum_store.repository import restored_settings, worktrees
from thrum_store.repository.git_files import MAIN
from thrum_store.repository.paths import PURGE_MARKS, SUBSCRIPTIONS, Paths
from thrum_store.service.team import agents
from thrum_store.store import Store
from thrum_store.sync.wire.tree import SEGMENT_LIMIT
from thrum_store.values import NamedTuple
from thrum_store.view.queries import lookup

from .archive import CONFIG, LOCAL, Archive, is_allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

IDENTITIES = "identities"
_FOLDERS = (IDENTITIES, "context", "role_templates")
_SETTINGS = f"{CONFIG}/config.json"
_WORKTREES = f"{CONFIG}/worktrees/"
_OF_THIS_MACHINE = (PURGE_MARKS, SUBSCRIPTIONS)


class BroughtBack(NamedTuple):
    """The files that came back, those that stay as they are here, and those that have no place here, by name."""

    restored: list[str]
    kept: list[str]
    homeless: list[str]


# --- collecting -------------------------------------------------------------------------------------------------------


def collected(paths: Paths, host: Host, warnings: list[str]) -> dict[str, bytes]:
    """Return the content of each file by its name in a backup; warn of those that cannot be in one.

    A worktree that is out of reach is left out.
    """
    places = {_SETTINGS: paths.config, **{f"{LOCAL}/{name}": paths.in_var(name) for name in _OF_THIS_MACHINE}}
    for prefix, local in _homes(paths, host).items():
        for folder in _FOLDERS:
            names = host.storage.listing(os.path.join(local, folder))
            places |= {f"{prefix}{folder}/{name}": os.path.join(local, folder, name) for name in names}
    contents: dict[str, bytes] = {}
    for name, path in places.items():
        try:
            contents[name] = _content(name, path, host)
        except FileNotFoundError:
            continue
        except (StorageFailed, Invalid) as error:
            warnings.append(f"{values.safe_line(name)} is not in the backup: {error.message}")
    return contents


def _homes(paths: Paths, host: Host) -> dict[str, str]:
    """Return the directories of identities and contexts by their prefix in a backup, the first worktree's first."""
    homes = {f"{CONFIG}/": paths.local_of(MAIN, os.path.dirname(paths.thrum))}
    for name, root in worktrees.places(paths, host).items():
        local = paths.local_of(name, root)
        if local not in homes.values():
            homes[f"{_WORKTREES}{name}/"] = local
    return homes


def _content(name: str, path: str, host: Host) -> bytes:
    """Return the content of a file. Raises FileNotFoundError, StorageFailed, or Invalid if no backup can hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Invalid("its name is not UTF-8", hint="rename it") from None
    if not is_allowed(name):
        raise Invalid("no file of thrum has that name", hint="keep it elsewhere")
    size = host.storage.size(path)
    if size > SEGMENT_LIMIT or (size >= 0 and not os.path.isfile(path)) or os.path.islink(path):
        raise Invalid("it is too large, a link or no file", hint="keep it elsewhere")
    return host.storage.read(path)


# --- bringing back ----------------------------------------------------------------------------------------------------


def lacking(store: Store, archive: Archive) -> list[str]:
    """Return the names of the files that would come back."""
    homes = _homes(store.paths, store.host)
    targets = {name: _target(name, homes, store.paths) for name in archive.manifest.files}
    return [name for name, path in targets.items() if path and store.host.storage.size(path) < 0]


def bring_back(store: Store, archive: Archive) -> BroughtBack:
    """Write the files that are lost here, and add the settings that config.json lacks; nothing is replaced."""
    brought = BroughtBack([], [], [])
    homes, storage = _homes(store.paths, store.host), store.host.storage
    for name in archive.manifest.files:
        path = _target(name, homes, store.paths)
        if name == _SETTINGS:
            _bring_settings(store, archive, brought)
        elif not path:
            brought.homeless.extend([name] if name.startswith(_WORKTREES) else [])
        elif storage.size(path) >= 0:
            brought.kept.extend([] if _equals(store.host, path, archive.read(name)) else [name])
        elif _is_sound(store, name, archive):
            storage.directory(os.path.dirname(path))
            storage.create(path, archive.read(name))
            brought.restored.append(name)
    return brought


def _equals(host: Host, path: str, data: bytes) -> bool:
    try:
        return host.storage.read(path) == data
    except StorageFailed:  # a link or a folder of the user's
        return False


def _target(name: str, homes: dict[str, str], paths: Paths) -> str:
    """Return the path of a file of a backup here; empty for logs, keys, marks, and a worktree that is not here."""
    if name == _SETTINGS:
        return paths.config
    if name == f"{LOCAL}/{SUBSCRIPTIONS}":
        return paths.in_var(SUBSCRIPTIONS)
    parts = name.split("/")
    depth = 4 if name.startswith(_WORKTREES) else 2
    prefix = "/".join(parts[:-2]) + "/"
    return os.path.join(homes[prefix], *parts[-2:]) if len(parts) == depth + 1 and prefix in homes else ""


def _is_sound(store: Store, name: str, archive: Archive) -> bool:
    """Return whether an identity file is one, of an agent that can have that name and lives in no other worktree."""
    if f"/{IDENTITIES}/" not in name:
        return True
    caller = _caller(name, archive)
    agent = lookup.own(store.view, caller.name) if caller is not None else None
    return caller is not None and (agent is None or agent.worktree == caller.worktree)


def _bring_settings(store: Store, archive: Archive, brought: BroughtBack) -> None:
    try:
        content: dict[str, Any] = values.loads(archive.read(_SETTINGS))
        if content.__class__ is not dict:
            return
        added, kept = restored_settings.adopt(store.paths, store.host, content)
    except (ValueError, RecursionError):
        return
    brought.restored.extend(f"{_SETTINGS}: {values.safe_line(key)}" for key in added)
    brought.kept.extend(f"{_SETTINGS}: {values.safe_line(key)}" for key in kept)


def _caller(name: str, archive: Archive) -> Caller | None:
    """Return the agent of an identity file in a backup; None if the file does not describe one."""
    try:
        fields = {key.lower(): str(value) for key, value in values.loads(archive.read(name))["agent"].items()}
        agent = identity.valid_name(os.path.basename(name).removesuffix(".json"))
        role, module = (identity.valid_name(fields[key], key) if fields.get(key) else "" for key in ("role", "module"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Invalid):
        return None
    worktree = name.removeprefix(_WORKTREES).split("/")[0] if name.startswith(_WORKTREES) else MAIN
    display = values.safe_line(fields.get("display", ""))[:200]
    return Caller(agent, role, module, display, worktree) if fields.get("name") == agent else None


def register(store: Store, archive: Archive, restored: list[str]) -> list[str]:
    """Register the agents whose identities came back and whom this store does not know; return a sentence if not."""
    refused: list[str] = []
    for name in restored:
        caller = _caller(name, archive) if f"/{IDENTITIES}/" in name else None
        if caller is None or lookup.own(store.view, caller.name) is not None:
            continue
        try:
            agents.introduce(store, caller)
        except ThrumError as error:
            refused.append(f"@{caller.name} is not registered: {error.message}")
    return refused
