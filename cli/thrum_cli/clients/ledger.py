"""The record of what `thrum init` changed: `.thrum/configured.json`, from which `thrum uninit` undoes it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

from thrum_store.errors import Corrupted
from thrum_store.machine.host import Host
from thrum_store.values import Record

_NAME = "configured.json"
_VERSION = 1


class Entry(Record):
    """A changed file: its bytes before (None: no file), a digest of what was written, and the directories made."""

    before: bytes | None
    after: str
    directories: tuple[str, ...] = ()


class Ledger:
    """All changed files by their path within the worktree, and the runtimes that they were changed for.

    `undone`: the user undid it since, so nothing is set up unless it is asked for.
    """

    def __init__(self, runtimes: list[str], files: dict[str, Entry], *, undone: bool = False) -> None:
        self.runtimes = runtimes
        self.files = files
        self.undone = undone

    def mine(self, path: str, now: bytes | None) -> bool:
        """Return whether a file is exactly as thrum left it."""
        entry = self.files.get(path)
        return entry is not None and now is not None and entry.after == digest(now)


def digest(data: bytes) -> str:
    """Return the digest by which a file's bytes are recognised."""
    return hashlib.sha256(data).hexdigest()


def load(local: str, host: Host) -> Ledger:
    """Return the ledger of a worktree; it is empty if nothing was configured. Raises Corrupted."""
    path = os.path.join(local, _NAME)
    try:
        fields: dict[str, Any] = json.loads(host.storage.read(path))
        return Ledger(
            list(fields["runtimes"]),
            {name: _entry(raw) for name, raw in fields["files"].items()},
            undone=fields.get("undone") is True,
        )
    except FileNotFoundError:
        return Ledger([], {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupted(path, f"{type(error).__name__}: {error}") from None


def save(local: str, ledger: Ledger, host: Host) -> None:
    """Save the ledger, or remove its file if it is empty."""
    path = os.path.join(local, _NAME)
    if not (ledger.files or ledger.runtimes or ledger.undone):
        host.storage.remove(path)
        return
    fields = {
        "version": _VERSION,
        "runtimes": ledger.runtimes,
        **({"undone": True} if ledger.undone else {}),
        "files": {name: _raw(entry) for name, entry in sorted(ledger.files.items())},
    }
    host.storage.directory(local)
    host.storage.replace(path, json.dumps(fields, indent=1).encode() + b"\n")


def _entry(raw: dict[str, Any]) -> Entry:
    before = raw["before"]
    return Entry(None if before is None else base64.b64decode(before), raw["after"], tuple(raw["directories"]))


def _raw(entry: Entry) -> dict[str, Any]:
    before = None if entry.before is None else base64.b64encode(entry.before).decode()
    return {"before": before, "after": entry.after, "directories": list(entry.directories)}
