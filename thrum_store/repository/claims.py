"""Which host keeps its store in a repository's shared place, where several hosts use one repository.

Locks, bells and SQLite's shared memory end at a kernel, so two kernels never share a store (docs/decisions/0038). The
host that was first keeps the shared place, `.git/thrum-sync/var`, and names itself in a claim. Each other host is a
guest: a store of its own, in a directory of its own. Hooks and commands see by the claim who keeps the place, and load
this module only if it does not name their kernel.
"""

from __future__ import annotations

import os

from thrum_store.errors import StorageFailed, ThrumError
from thrum_store.machine import abilities
from thrum_store.machine.host import REAL
from thrum_store.machine.kernel import Computer, same, this_computer
from thrum_store.machine.mounts import is_shared, mount_of
from thrum_store.values import NamedTuple, compact, fields_of, loads

from . import guest_places
from .git_files import Location
from .paths import CLAIM, GUESTS, LOG_CREATION_LOCK, STORE_FILE, as_guest, places_of, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from thrum_store.machine.host import Host

    from .paths import Paths

MARK = "shared"  # in store.json: another kernel may see this place, so every process looks at the claim


class Claim(NamedTuple):
    """The host that keeps its store in the shared place, and the mount it sees it on; `shared`: so may others."""

    computer: Computer
    mount: str = ""
    shared: bool = False


def this_host(paths: Paths) -> Claim:
    """Return the claim that this host would make."""
    mount = mount_of(paths.common, system())
    return Claim(this_computer(system()), mount.sentence, is_shared(mount, system()))


def read(paths: Paths, host: Host = REAL) -> Claim | None:
    """Return the claim on the shared place, or None if there is none or it cannot be read."""
    try:
        fields: dict[str, Any] = loads(host.storage.read(os.path.join(paths.shared_var, CLAIM)))
        marks = {str(name): str(value) for name, value in fields["computer"].items() if name in Computer._fields}
        return Claim(Computer(**marks), str(fields["mount"]), bool(fields["shared"]))
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError, AttributeError):
        return None


def _content(claim: Claim) -> bytes:
    computer = {name: getattr(claim.computer, name) for name in fields_of(claim.computer) or ()}
    return compact({"computer": computer, "mount": claim.mount, "shared": claim.shared}).encode() + b"\n"


# --- opening ----------------------------------------------------------------------------------------------------------


def chosen(paths: Paths, exists: bool, host: Host = REAL) -> tuple[Paths, bool]:
    """Return the places as this host uses them, and whether its store exists. `exists`: the shared place has one."""
    ours, claim = this_host(paths), read(paths, host)
    if exists and _keeps(ours, claim, paths, host):
        _remember(ours, claim, paths, host)
        return paths, True
    place = guest_places.known(paths, ours.computer, host)
    if not place and not exists:
        return paths, False  # `init` decides
    guest = as_guest(paths, place or guest_places.planned(paths, host))
    if guest.initialized:
        announce(guest, host)
    return guest, guest.initialized


def _keeps(ours: Claim, claim: Claim | None, paths: Paths, host: Host) -> bool:
    """Return whether this host keeps the store in the shared place; if in doubt, another one does."""
    if claim is not None:
        # Two hosts that see a place on disks of their own do not see it together: it was moved or copied.
        return same(claim.computer, ours.computer) or not (claim.shared or ours.shared)
    return not ours.shared or _nick(paths, host) in ("", nick(ours.computer))


def nick(computer: Computer) -> str:
    """Return the name under which a computer's store is known to others."""
    letters = (letter if letter.isascii() and letter.isalnum() else "-" for letter in computer.name)
    return "".join(letters).strip("-")[:32] or "store"


def _nick(paths: Paths, host: Host) -> str:
    """Return the nick of the store in the shared place, "" if it cannot be read: older versions made no claim."""
    try:
        own = str(loads(host.storage.read(paths.in_var(STORE_FILE)))["store"])
        return str(loads(host.storage.read(os.path.join(paths.logs, own, "store.json")))["nick"])
    except (FileNotFoundError, StorageFailed, ValueError, KeyError, TypeError):
        return ""


def _remember(ours: Claim, claim: Claim | None, paths: Paths, host: Host) -> None:
    """Write our claim if it is new, after a restart of the machine for example.

    Marks that this process cannot see (only root reads the board's) are kept.
    """
    if claim is not None and same(claim.computer, ours.computer):
        board, given = (getattr(ours.computer, mark) or getattr(claim.computer, mark) for mark in ("board", "given"))
        ours = ours._replace(computer=ours.computer._replace(board=board, given=given))
    try:
        if claim != ours:
            host.storage.replace(paths.in_var(CLAIM), _content(ours))
        if ours.shared:
            _mark(paths, host)
    except (ThrumError, FileNotFoundError, ValueError, TypeError):
        return  # it can only be read, or is damaged, which its opening reports: the next process decides again, alike


def _mark(paths: Paths, host: Host) -> None:
    """Mark the store as visible to other kernels, so that a process on its own disk looks at the claim as well."""
    if MARK in loads(host.storage.read(paths.in_var(STORE_FILE))):
        return
    with host.lock(paths.in_var(LOG_CREATION_LOCK)):  # a re-key replaces this file as well
        fields = loads(host.storage.read(paths.in_var(STORE_FILE)))
        host.storage.replace(paths.in_var(STORE_FILE), compact({**fields, MARK: True}).encode() + b"\n")


# --- set-up -----------------------------------------------------------------------------------------------------------


def claimed(paths: Paths, host: Host = REAL, *, take_over: bool = False) -> Paths:
    """Claim the shared place for this host's store, or return the places of a guest if another host has it."""
    ours = this_host(paths)
    if take_over:
        paths = places_of(Location(paths.root, paths.git_dir, paths.common))
    elif paths.guest:
        return paths
    elif not paths.initialized and ours.shared and not abilities.whole(os.path.dirname(paths.var), host):
        return as_guest(paths, guest_places.planned(paths, host))
    host.storage.directory(paths.var)
    if not take_over and not paths.initialized and _created(ours, paths, host):
        return paths
    claim = read(paths, host)
    if not take_over and claim is not None and not _keeps(ours, claim, paths, host):
        return as_guest(paths, guest_places.planned(paths, host))
    if paths.initialized and not take_over:
        _remember(ours, claim, paths, host)
        return paths
    host.storage.replace(paths.in_var(CLAIM), _content(ours))
    if paths.initialized and ours.shared:
        _mark(paths, host)
    return paths


def _created(ours: Claim, paths: Paths, host: Host) -> bool:
    """Create the claim; return False if there is one: of two hosts, the file system lets one create it."""
    try:
        host.storage.create(paths.in_var(CLAIM), _content(ours))
    except FileExistsError:
        return False
    return True


# --- guests -----------------------------------------------------------------------------------------------------------


def announce(guest: Paths, host: Host = REAL) -> None:
    """Leave a note in the repository: this kernel's processes find their store by it, and the first host its guests."""
    computer = this_computer(system())
    notes = os.path.join(guest.common, GUESTS)
    mine = f"{computer.given or computer.kernel}.{os.getuid()}"
    content = f"{guest.guest}\n{compact({'name': computer.name})}\n".encode("utf-8", "surrogateescape")
    try:
        host.storage.directory(notes)
        for name in host.storage.listing(notes):  # of this host before its restart
            if name != mine and host.storage.read(os.path.join(notes, name)) == content:
                host.storage.remove(os.path.join(notes, name))
        host.storage.replace(os.path.join(notes, mine), content)
    except (ThrumError, FileNotFoundError):
        return  # a repository that can only be read: the store is found by its record, and cannot sync


def guests(paths: Paths, host: Host = REAL) -> list[str]:
    """Return the names of the hosts that keep a store of their own beside this one."""
    notes = os.path.join(paths.common, GUESTS)
    names: set[str] = set()
    for name in host.storage.listing(notes):
        try:
            second = host.storage.read(os.path.join(notes, name)).decode("utf-8", "replace").split("\n")[1]
            names.add(str(loads(second)["name"]))
        except (FileNotFoundError, ThrumError, ValueError, KeyError, TypeError, IndexError):
            names.add("unknown")
    return sorted(names)


def sentence(paths: Paths, host: Host = REAL) -> str:
    """Describe who keeps which store, if several hosts use this repository; "" if one does."""
    if not paths.guest:
        others = guests(paths, host)
        return f"other hosts keep stores of their own beside this one: {', '.join(others)}" if others else ""
    mount, claim = mount_of(paths.common, system()), read(paths, host)
    begin = f"this host keeps a store of its own in {paths.guest}, because"
    if claim is None and not os.path.exists(os.path.join(paths.shared_var, STORE_FILE)):
        return f"{begin} locks or shared memory do not work on {mount.sentence}, where the repository lies"
    lies = f"the repository lies on {mount.sentence}, shared with" if is_shared(mount, system()) else "it belongs to"
    return f"{begin} {lies} {f'host {claim.computer.name}' if claim is not None else 'another host'}"
