"""The former place of a store, `.thrum/var`: today a link for processes of an older version."""

from __future__ import annotations

import os

from thrum_store.errors import DiskFull, StorageFailed
from thrum_store.machine.host import REAL
from thrum_store.machine.links import point

from .paths import STORE_FILE, STRAYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host

    from .paths import Paths


def in_former_place(paths: Paths) -> bool:
    """Return whether the store lies in `.thrum/var`, where older versions keep it."""
    return paths.var == paths.former_var


def link_text(paths: Paths) -> str:
    """Return the content of the link: relative where both lie in one directory, so that it survives their move."""
    thrum, common = os.path.realpath(paths.thrum), os.path.realpath(paths.common)
    above = os.path.dirname(thrum)
    if os.path.commonpath([above, common]) == above and paths.var.startswith(os.path.join(paths.common, "")):
        return os.path.join(os.path.relpath(common, thrum), os.path.relpath(paths.var, paths.common))
    return os.path.realpath(paths.var)


def is_linked(paths: Paths) -> bool:
    """Return whether `.thrum/var` leads to the store."""
    return os.path.realpath(paths.former_var) == os.path.realpath(paths.var)


def link(paths: Paths, host: Host = REAL) -> str:
    """Let `.thrum/var` lead to the store, if it does not; return a sentence if a directory stood in its place.

    Raises StorageFailed where the file system has no links, or `.thrum` cannot be written.
    """
    if paths.guest or in_former_place(paths) or is_linked(paths):
        return ""
    stray = ""
    if os.path.isdir(paths.former_var) and not os.path.islink(paths.former_var):
        aside = set_aside(paths, paths.former_var, host)
        stray = f"set aside a .thrum/var that an older version had made: it is in {aside}"
    host.storage.directory(paths.thrum)
    point(host.storage, paths.former_var, link_text(paths))
    return stray


def restore_link(paths: Paths, host: Host = REAL) -> None:
    """Make the link again where that is possible; `thrum doctor` reports where it is not."""
    try:
        link(paths, host)
    except (StorageFailed, DiskFull):
        return


def set_aside(paths: Paths, directory: str, host: Host) -> str:
    """Move a directory out of the way, with everything in it, and return its new path."""
    strays = os.path.join(paths.common, STRAYS)
    host.storage.directory(strays)
    aside = os.path.join(strays, f"{host.clock.wall_ms()}-{host.entropy.token(4)}")
    host.storage.move(directory, aside)
    return aside


def strays(paths: Paths, host: Host = REAL) -> list[str]:
    """Return the directories that were set aside and hold a store of their own, with its keys."""
    above = os.path.join(paths.common, STRAYS)
    directories = [os.path.join(above, name) for name in host.storage.listing(above)]
    return [path for path in directories if os.path.exists(os.path.join(path, STORE_FILE))]
