"""The move of a store out of `.thrum/var`, where older versions keep it, into git's common directory.

`git clean -fdx` removes `.thrum`, with the keys in it; nothing of git's reaches into its own directory. `.thrum/var`
becomes a link, so that processes of an older version, which may run meanwhile, go on with the same files and locks.
The two names are exchanged in one step, so no process ever looks at a repository without a store.
"""

from __future__ import annotations

import os

from thrum_store.errors import Forbidden, ThrumError
from thrum_store.machine import process
from thrum_store.machine.exchange import exchanged
from thrum_store.machine.host import REAL, failpoint
from thrum_store.machine.links import point
from thrum_store.values import compact, loads, safe_line

from .former_place import in_former_place, link, link_text, set_aside
from .git_files import Location
from .git_runner import GitRunner
from .paths import COMMIT_LOCK, INIT_LOCK, LOG_CREATION_LOCK, OLDER_PROCESSES, VAR, places_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from thrum_store.machine.host import Host
    from thrum_store.machine.process import Process

    from .paths import Paths

_COMMAND_LENGTH = 60  # characters of a command line that are shown


def relocated(former: Paths, notice: Callable[[str], None] | None = None, host: Host = REAL) -> Paths:
    """Move a store out of `.thrum/var` and return its places; where that fails, it stays and works from there."""
    if not in_former_place(former):
        return former
    try:
        return relocate(former, notice, host)
    except ThrumError:  # `thrum doctor` tries again, and gives the reason
        return former


def relocate(former: Paths, notice: Callable[[str], None] | None = None, host: Host = REAL) -> Paths:
    """Move a store out of `.thrum/var` and return its places. Raises Forbidden, StorageFailed, StoreBusy, GitFailed."""
    moved = former._replace(var=os.path.join(former.common, VAR))
    if GitRunner(former.root).run("ls-files", "--", ".thrum"):
        raise Forbidden(
            "git tracks .thrum, so its files can come from strangers",
            hint="run `git rm -r --cached .thrum`, commit, and try again",
        )
    with host.lock(former.in_var(INIT_LOCK)):
        if not moved.initialized:
            older = process.inside(former.var, "thrum")
            _move(former, moved, host)
            _share(moved, host)
            _note(moved, older, host)
            if notice is not None:
                notice(_moved_sentence(former, moved, older))
    return moved


# --- the move ---------------------------------------------------------------------------------------------------------


def _move(former: Paths, moved: Paths, host: Host) -> None:
    host.storage.directory(os.path.dirname(moved.var))
    _clear(moved, host)
    if os.path.islink(former.var):  # the user keeps it in another place: both names lead to it
        point(host.storage, moved.var, os.path.realpath(former.var))
        return
    point(host.storage, moved.var, link_text(moved))
    failpoint("relocation.linked")
    if not exchanged(former.var, moved.var):
        host.storage.remove(moved.var)
        _rename(former, moved, host)
    failpoint("relocation.moved")
    for path in (former.thrum, os.path.dirname(moved.var)):
        host.storage.sync_directory(path)


def _share(moved: Paths, host: Host) -> None:
    """Let all worktrees find the `.thrum` that an older version kept beside a `.git` that is a link or a file."""
    shared = places_of(Location(moved.root, moved.git_dir, moved.common)).thrum
    if shared != moved.thrum and not os.path.lexists(shared):
        point(host.storage, shared, moved.thrum)


def _clear(moved: Paths, host: Host) -> None:
    """Make the new name free: a move that was interrupted left a link, an interrupted `init` a directory."""
    if os.path.islink(moved.var):
        host.storage.remove(moved.var)
    elif os.path.isdir(moved.var):
        set_aside(moved, moved.var, host)


def _rename(former: Paths, moved: Paths, host: Host) -> None:
    """Move it in two steps, for a file system that cannot exchange names; nobody writes in between."""
    with host.lock(former.in_var(LOG_CREATION_LOCK)), host.lock(former.in_var(COMMIT_LOCK)):
        host.storage.move(former.var, moved.var)
        failpoint("relocation.renamed")
        link(moved, host)


# --- the processes of older versions ----------------------------------------------------------------------------------


def _note(moved: Paths, older: list[Process], host: Host) -> None:
    content = [[each.pid, each.began, each.command] for each in older]
    host.storage.replace(moved.in_var(OLDER_PROCESSES), compact(content).encode() + b"\n")


def older_processes(paths: Paths, host: Host = REAL) -> list[Process]:
    """Return the processes of an older version that had the store open when it was moved, and still run."""
    try:
        content = loads(host.storage.read(paths.in_var(OLDER_PROCESSES)))
        known = [process.Process(int(pid), float(began), str(command)) for pid, began, command in content]
    except (FileNotFoundError, ValueError, TypeError):
        return []
    return [older for older in known if process.lives(older)]


def listed(older: list[Process]) -> str:
    """Return processes as a phrase: number and command of each."""
    return ", ".join(f"{process.pid} ({safe_line(process.command)[:_COMMAND_LENGTH]})" for process in older)


def _moved_sentence(former: Paths, moved: Paths, older: list[Process]) -> str:
    place = os.path.relpath(moved.var, os.path.dirname(former.thrum))
    sentence = f"the store is in {place} now, where no clean of git reaches it"
    return f"{sentence}; restart what still runs an older version: {listed(older)}" if older else sentence
