"""The check of `thrum doctor` of the place of the store: out of reach of a clean, and known to older versions."""

from __future__ import annotations

import os
from functools import partial

from thrum_store.errors import ThrumError
from thrum_store.repository import claims, former_place, relocation

from .findings import Check, note, problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from thrum_store.machine.host import Host
    from thrum_store.repository.paths import Paths
    from thrum_store.store import Store

_FIX = "`thrum doctor --fix`"


def place(paths: Paths, host: Host) -> Iterator[Check]:
    """Check which host keeps the store, that no clean of git reaches it, and that older versions find it."""
    hosts = claims.sentence(paths, host)
    if hosts:
        taking_over = "if that host is gone for good, `thrum init --take-over` makes its store this host's"
        yield note("hosts", hosts, taking_over if paths.guest else "a sync exchanges the messages with them")
    if paths.guest:
        return
    if former_place.in_former_place(paths):
        yield _reachable_by_clean(paths, host)
        return
    if not former_place.is_linked(paths):
        repair = partial(former_place.link, paths, host)
        yield problem("layout", ".thrum/var does not lead to the store, so older versions miss it", _FIX, repair)
    for stray in former_place.strays(paths, host):
        message = f"an older version made a second store, set aside in {os.path.relpath(stray, paths.root)}"
        yield note("layout", message, f"its messages are kept; `rm -r {stray}` removes its keys")
    older = relocation.older_processes(paths, host)
    if older:
        yield note(
            "processes", f"an older version still runs: {relocation.listed(older)}", "restart them, to use this version"
        )


def _reachable_by_clean(paths: Paths, host: Host) -> Check:
    """Report a store that cannot be moved, with the reason that another try gives."""
    try:
        relocation.relocate(paths, None, host)
    except ThrumError as error:
        reason = error.message
    else:
        reason = "it could not be moved a moment ago"
    message = f"the store lies in .thrum/var, which `git clean -fdx` removes: {reason}"
    return problem("layout", message, "mend that; the next command moves the store into git's directory")


def second_copies(store: Store) -> Iterator[Check]:
    """Check that each segment of our own has its second copy, after those that can be made were made."""
    lacking = store.log.second_copies.unsettled(store.own)
    if lacking:
        names = ", ".join(f"@{name}" for name in lacking)
        message = f"messages of {names} exist once until a sync: their log is in use, or the disk has no hard links"
        yield note("logs", message, "leave .git/thrum-sync/a-sync alone, or sync: `thrum sync force`")
