"""Reading of a snapshot, a folder or a zip file that may come from anybody.

Nothing is unpacked: each file is read by its name, which must be one that a backup can have, and compared with the size
and the hash that the manifest names. Links, devices, other names and other sizes refuse the whole archive.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from abc import ABC, abstractmethod
from hashlib import sha256
from typing import Any

from thrum_store import values
from thrum_store.errors import Invalid, ThrumError
from thrum_store.identity import NAME
from thrum_store.machine.host import Host, failed
from thrum_store.machine.kernel import Computer
from thrum_store.sync.wire.tree import ENTRIES_LIMIT, SEGMENT_LIMIT
from thrum_store.values import Record

MANIFEST = "manifest.json"
KEY = "keys/store.key"
LOGS, CONFIG, LOCAL = "v1", "config", "local"
VERSION = 1
_MANIFEST_LIMIT = 64 * 1024 * 1024
_TOTAL_LIMIT = 16 * 1024 * 1024 * 1024
_FILE = rf"identities/{NAME}\.json|context/{NAME}(?:_preamble)?\.md|role_templates/{NAME}\.md"
_ALLOWED = re.compile(
    rf"{LOGS}/[a-z2-7]{{26}}/(?:store\.json|heads\.json|live\.json|{NAME}/context\.md|{NAME}/[0-9]{{8}}-[0-9a-f]{{8}}\.jsonl)"
    rf"|{CONFIG}/(?:config\.json|{_FILE}|worktrees/(?!\.\.?/)[^/\\\x00]{{1,255}}/(?:{_FILE}))"
    rf"|{LOCAL}/[a-z-]+\.json|{KEY}"
)
_REGULAR = (0, stat.S_IFREG)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, UnicodeError)


class ArchiveRefused(ThrumError):
    """Raised if a backup cannot be used: damaged, cut, from another repository, or not one of ours."""

    code = "archive_refused"

    def __init__(self, path: str, reason: str, hint: str = "") -> None:
        super().__init__(
            f"{path} is not restored: {reason}. Nothing was changed",
            hint=hint or "choose another one; `thrum backup status` lists them",
        )
        self.reason = reason


class Counts(Record):
    """The contents of a backup: events, logs, files of this machine, and files of configuration and contexts."""

    events: int
    message_files: int
    local_tables: int
    config_files: int


class Manifest(Record):
    """The list of what a snapshot holds, and where it comes from. `files` maps names to size and SHA-256."""

    version: int
    timestamp: str
    thrum_version: str
    repo_name: str
    counts: Counts
    store: str
    place: str
    computer: Computer
    with_keys: bool
    files: dict[str, tuple[int, str]]


def is_allowed(name: str) -> bool:
    """Return whether a file of a backup can have this name."""
    return _ALLOWED.fullmatch(name) is not None


class Archive(ABC):
    """A snapshot that is open for reading. A context manager; its files are whole once `check` returned."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.manifest_bytes = b""
        self.manifest = Manifest(0, "", "", "", Counts(0, 0, 0, 0), "", "", Computer(), False, {})

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Return the size of each file by name. Raises ArchiveRefused."""

    @abstractmethod
    def content(self, name: str, limit: int) -> bytes:
        """Return at most `limit` bytes of a file. Raises ArchiveRefused."""

    @abstractmethod
    def close(self) -> None:
        """Close it."""

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, name: str) -> bytes:
        """Return a file that the manifest names, with the size and the hash that stand there. Raises ArchiveRefused."""
        size, digest = self.manifest.files[name]
        data = self.content(name, size + 1)
        if len(data) != size or sha256(data).hexdigest() != digest:
            raise self.refused(f"{name} is damaged")
        return data

    def load(self) -> None:
        """Read the manifest, and compare names and sizes with it. Raises ArchiveRefused."""
        sizes = self.sizes()
        if MANIFEST not in sizes:
            raise self.refused("it has no manifest.json, so it is no backup of thrum, or its end is missing")
        if sizes[MANIFEST] > _MANIFEST_LIMIT:
            raise self.refused("its manifest is too large")
        self.manifest_bytes = self.content(MANIFEST, sizes[MANIFEST])
        self.manifest = self._parsed(self.manifest_bytes)
        del sizes[MANIFEST]
        listed = {name: size for name, (size, _) in self.manifest.files.items()}
        strange = sorted(sizes.keys() - listed.keys())
        if strange:
            raise self.refused(f"it holds {values.safe_line(strange[0])!r}, which its manifest does not name")
        lost = sorted(name for name in listed if sizes.get(name) != listed[name])
        if lost:
            raise self.refused(f"{lost[0]} is missing or was cut")

    def check(self) -> None:
        """Read every file once. Raises ArchiveRefused."""
        for name in self.manifest.files:
            self.read(name)

    def _parsed(self, data: bytes) -> Manifest:
        try:
            fields = values.loads(data)
            if "store" not in fields and "counts" in fields:
                raise self.refused(
                    "the Go program made it", "restore it with that program, then run `thrum migrate` here"
                )
            if fields["version"] != VERSION:
                raise self.refused(f"its version {fields['version']} is not {VERSION}", "update thrum")
            manifest = _manifest(fields)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArithmeticError, Invalid):
            raise self.refused("its manifest.json is damaged") from None
        self._check_files(manifest.files)
        return manifest

    def _check_files(self, files: dict[str, tuple[int, str]]) -> None:
        strange = next((name for name in files if not is_allowed(name)), None)
        if strange is not None:
            raise self.refused(f"it names {values.safe_line(strange)[:200]!r}, which no backup of thrum holds")
        sizes = [size for size, _ in files.values()]
        if len(files) > ENTRIES_LIMIT or sum(sizes) > _TOTAL_LIMIT or not all(0 <= s <= SEGMENT_LIMIT for s in sizes):
            raise self.refused("it is larger than a backup can be")

    def refused(self, reason: str, hint: str = "") -> ArchiveRefused:
        """Return the error for this archive."""
        return ArchiveRefused(self.path, reason, hint)


def _manifest(fields: dict[str, Any]) -> Manifest:
    """Return the manifest in an object of JSON. Raises KeyError, TypeError and their kin for any other object."""
    counts = fields["counts"]
    return Manifest(
        version=VERSION,
        timestamp=values.rfc3339(values.moment(str(fields["timestamp"]), 0)),
        thrum_version=str(fields["thrum_version"]),
        repo_name=str(fields["repo_name"]),
        counts=Counts(*(int(counts[name]) for name in ("events", "message_files", "local_tables", "config_files"))),
        store=str(fields["store"]),
        place=str(fields["place"]),
        computer=Computer(**{name: str(fields["computer"].get(name, "")) for name in Computer._fields}),
        with_keys=fields["with_keys"] is True,
        files={str(name): (int(size), str(digest)) for name, (size, digest) in fields["files"].items()},
    )


class _Folder(Archive):
    def __init__(self, path: str, host: Host) -> None:
        super().__init__(path)
        self._storage = host.storage

    def sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        pending = [""]
        while pending:
            above = pending.pop()
            for name in self._storage.listing(os.path.join(self.path, above)):
                inside = os.path.join(above, name)
                status = os.lstat(os.path.join(self.path, inside))
                if stat.S_ISDIR(status.st_mode):
                    pending.append(inside)
                elif stat.S_ISREG(status.st_mode):
                    sizes[inside] = status.st_size
                else:
                    raise self.refused(f"{values.safe_line(inside)!r} is a link or a device")
        return sizes

    def content(self, name: str, limit: int) -> bytes:
        try:
            return self._storage.read(os.path.join(self.path, name), 0, limit)
        except FileNotFoundError:
            raise self.refused(f"{name} is missing") from None

    def close(self) -> None:
        """Leave it as it is: nothing is held open."""


class _Zip(Archive):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except _UNREADABLE as error:
            raise self.refused(f"it is no zip file, or its end is missing ({values.safe_line(str(error))})") from None

    def sizes(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for entry in self._zip.infolist():
            mode = entry.external_attr >> 16
            if entry.filename in sizes:
                raise self.refused(f"it holds {values.safe_line(entry.filename)!r} twice")
            if stat.S_IFMT(mode) not in _REGULAR or entry.flag_bits & 1:
                raise self.refused(f"{values.safe_line(entry.filename)!r} is a link, a device, a folder or encrypted")
            sizes[entry.filename] = entry.file_size
        return sizes

    def content(self, name: str, limit: int) -> bytes:
        try:
            with self._zip.open(name) as file:
                return file.read(limit)
        except (*_UNREADABLE, KeyError, OSError) as error:
            raise self.refused(f"{name} is damaged ({values.safe_line(str(error))})") from None

    def close(self) -> None:
        self._zip.close()


def opened(path: str, host: Host) -> Archive:
    """Return a snapshot with its manifest read, names and sizes compared. Raises ArchiveRefused, StorageFailed."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise ArchiveRefused(path, "it is neither a file nor a folder")
        archive: Archive = _Folder(path, host) if stat.S_ISDIR(mode) else _Zip(path)
    except FileNotFoundError:
        raise ArchiveRefused(path, "there is no such file") from None
    except OSError as error:
        raise failed(error, f"cannot read {path}") from error
    try:
        archive.load()
    except OSError as error:
        archive.close()
        raise failed(error, f"cannot read {path}") from error
    except BaseException:
        archive.close()
        raise
    return archive
