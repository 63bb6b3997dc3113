"""The directories of guests: hosts that keep a store of their own, because another host keeps the shared place.

Each lies on a disk of the host itself, below $XDG_STATE_HOME, ~/.local/state or /var/tmp. A record in it names the
repository, so that the host finds its store again after a restart, and after the repository was moved.
"""

from __future__ import annotations

import os
from hashlib import sha256

from thrum_store.errors import Forbidden, ThrumError
from thrum_store.machine.host import REAL
from thrum_store.machine.kernel import Computer, same, this_computer
from thrum_store.machine.mounts import is_shared, mount_of
from thrum_store.values import NamedTuple, compact, fields_of, loads

from .paths import GUEST_RECORD, STORE_FILE, VAR, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from thrum_store.machine.host import Host

    from .paths import Paths


LAST_BASE = "/var/tmp/thrum-{}"  # of a user, by number; unlike /tmp it survives a restart


class Record(NamedTuple):
    """The repository that a directory belongs to: its git directory, when its first store was made, and the guest."""

    common: str
    created: int
    computer: Computer


def known(paths: Paths, computer: Computer, host: Host = REAL) -> str:
    """Return the directory of this host's store beside the repository, or "" if it has none."""
    created = _created(paths, host)
    for place, record in _records(host):
        if not same(record.computer, computer):
            continue  # a home directory that several hosts share
        if record.common == paths.common and (0 in (created, record.created) or created == record.created):
            return place
        if created and record.created == created and _created_in(os.path.join(record.common, VAR), host) != created:
            note(place, paths, host)  # the repository was moved
            return place
    return ""


def planned(paths: Paths, host: Host = REAL) -> str:
    """Return the directory for a new store of this host; nothing is made."""
    created, computer = _created(paths, host), this_computer(system())
    digest = sha256(f"{paths.common}\0{created}\0{computer.board}{computer.image}{computer.name}".encode(
        "utf-8", "surrogateescape"
    )).hexdigest()[:16]  # fmt: skip
    bases = [base for base in _bases() if _usable(base)]
    local = [base for base in bases if not is_shared(mount_of(base, system()), system())]
    return os.path.join((local or bases or list(_bases()))[0], digest)


def note(place: str, paths: Paths, host: Host = REAL) -> None:
    """Write the record of a directory, which is made if it is missing. Raises Forbidden where it cannot be."""
    if not _usable(os.path.dirname(place)):
        raise Forbidden(
            f"this host needs a store of its own, and {os.path.dirname(place)} cannot be made or written",
            hint="set XDG_STATE_HOME to a directory on a disk of this host",
        )
    computer = this_computer(system())
    fields = {
        "common": paths.common,
        "created": _created(paths, host),
        "computer": {name: getattr(computer, name) for name in fields_of(computer) or ()},
    }
    host.storage.directory(place)
    os.chmod(place, 0o700)
    host.storage.replace(os.path.join(place, GUEST_RECORD), compact(fields).encode() + b"\n")


def _created(paths: Paths, host: Host) -> int:
    """Return when the store in the shared place was made, 0 without one; an older version keeps it in `.thrum/var`."""
    return _created_in(paths.shared_var, host) or _created_in(paths.former_var, host)


def _created_in(var: str, host: Host) -> int:
    """Return when the store in the shared place was made: it keeps that time when it moves or gets new keys."""
    try:
        return int(loads(host.storage.read(os.path.join(var, STORE_FILE)))["created"])
    except (FileNotFoundError, NotADirectoryError, ThrumError, ValueError, KeyError, TypeError):
        return 0


def _records(host: Host) -> Iterator[tuple[str, Record]]:
    for base in _bases():
        if not _is_ours(base):
            continue
        for name in host.storage.listing(base):
            place = os.path.join(base, name)
            try:
                fields: dict[str, Any] = loads(host.storage.read(os.path.join(place, GUEST_RECORD)))
                marks = {key: str(value) for key, value in fields["computer"].items() if key in Computer._fields}
                yield place, Record(str(fields["common"]), int(fields["created"]), Computer(**marks))
            except (FileNotFoundError, NotADirectoryError, ThrumError, ValueError, KeyError, TypeError, AttributeError):
                continue  # no directory of ours, or one that was not finished


def _bases() -> Iterator[str]:
    state = os.environ.get("XDG_STATE_HOME", "")
    home = os.path.expanduser("~")
    if os.path.isabs(state):
        yield os.path.join(state, "thrum")
    if os.path.isabs(home):
        yield os.path.join(home, ".local", "state", "thrum")
    yield LAST_BASE.format(os.getuid())


def _usable(base: str) -> bool:
    """Return whether a directory can be made there, or is there and ours."""
    if os.path.lexists(base):
        return _is_ours(base) and os.access(base, os.W_OK | os.X_OK)
    above = os.path.dirname(base)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    return os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK)


def _is_ours(base: str) -> bool:
    """Return whether a directory is no link and belongs to this user: /var/tmp is everybody's."""
    try:
        status = os.lstat(base)
    except OSError:
        return False
    return os.path.isdir(base) and not os.path.islink(base) and status.st_uid == os.getuid()
