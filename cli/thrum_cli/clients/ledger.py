"""What `thrum init` changed in a worktree: `.thrum/configured.json`, from which `thrum uninit` takes it back."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any

from thrum_store.errors import Damaged
from thrum_store.machine.digest import sha256
from thrum_store.machine.host import Host

_NAME = "configured.json"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A file: what it was before (None: there was none), a digest of what we wrote, and the directories made for it."""

    before: bytes | None
    after: str
    directories: tuple[str, ...] = ()


@dataclass
class Ledger:
    """All files that were changed, by their path within the worktree, and the runtimes they were changed for."""

    runtimes: list[str] = field(default_factory=list[str])
    files: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def mine(self, path: str, now: bytes | None) -> bool:
        """Whether a file is exactly as we left it."""
        entry = self.files.get(path)
        return entry is not None and now is not None and entry.after == digest(now)


def digest(data: bytes) -> str:
    """What a file's bytes are known by."""
    return sha256(data).hexdigest()


def load(local: str, host: Host) -> Ledger:
    """The ledger of a worktree; an empty one where nothing was configured. Raises Damaged."""
    path = os.path.join(local, _NAME)
    try:
        told: dict[str, Any] = json.loads(host.storage.read(path))
        return Ledger(list(told["runtimes"]), {name: _entry(raw) for name, raw in told["files"].items()})
    except FileNotFoundError:
        return Ledger()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(path, f"{type(error).__name__}: {error}") from None


def save(local: str, ledger: Ledger, host: Host) -> None:
    """Keeps the ledger; an empty one is no file."""
    path = os.path.join(local, _NAME)
    if not ledger.files and not ledger.runtimes:
        host.storage.remove(path)
        return
    told = {
        "version": _VERSION,
        "runtimes": ledger.runtimes,
        "files": {name: _raw(entry) for name, entry in sorted(ledger.files.items())},
    }
    host.storage.directory(local)
    host.storage.replace(path, json.dumps(told, indent=1).encode() + b"\n")


def _entry(raw: dict[str, Any]) -> Entry:
    before = raw["before"]
    return Entry(None if before is None else base64.b64decode(before), raw["after"], tuple(raw["directories"]))


def _raw(entry: Entry) -> dict[str, Any]:
    before = None if entry.before is None else base64.b64encode(entry.before).decode()
    return {"before": before, "after": entry.after, "directories": list(entry.directories)}
