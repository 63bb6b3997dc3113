"""The line that hides `.thrum` from git, in the user's ignore files; everything else in them stays, byte for byte."""

from __future__ import annotations

import errno
import os
from shlex import quote

from thrum_store.errors import Forbidden, Invalid
from thrum_store.machine.host import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host, Storage

    from .paths import Paths

IGNORED = ".thrum/"
_PATTERNS = {b".thrum/", b".thrum", b"/.thrum/", b"/.thrum"}  # each of them hides it
_COMMENT = "# thrum: identities, locks and the local view of the messages"


def check(paths: Paths, *, stealth: bool) -> None:
    """Refuse ignore files that cannot be changed, before anything is written. Raises Invalid or Forbidden."""
    exclude = _exclude(paths)
    above = os.path.dirname(exclude)
    if os.path.lexists(above) and not os.path.isdir(above):
        raise Invalid(f"{above} is no directory, so git has no place for {exclude}", hint=f"`rm {quote(above)}`")
    if os.path.islink(exclude):
        hint = f'make it a file: `cp --remove-destination "$(readlink -f {quote(exclude)})" {quote(exclude)}`'
        raise Invalid(f"{exclude} is a link, and thrum writes through none", hint=hint)
    _check(exclude, "make it a file that you may write")
    if not stealth:
        _check(_shared(paths), "`thrum init --stealth` leaves it alone")


def hide(paths: Paths, host: Host) -> bool:
    """Hide `.thrum` from git in all worktrees of this clone; return whether that was new."""
    exclude = _exclude(paths)
    host.storage.directory(os.path.dirname(exclude))
    return _ignored_in(exclude, host.storage)


def hide_in_clones(paths: Paths, host: Host) -> bool:
    """Hide `.thrum` in other clones too, by .gitignore; return whether that was new."""
    shared = _shared(paths)
    return bool(shared) and _ignored_in(shared, host.storage)


def is_shared(paths: Paths) -> bool:
    """Return whether this worktree has a .gitignore for the line."""
    return bool(_shared(paths))


def _exclude(paths: Paths) -> str:
    return os.path.join(paths.common, "info", "exclude")


def _shared(paths: Paths) -> str:
    """Return the .gitignore to change: that of the first worktree, unless it is a link, which git does not follow."""
    path = place(paths)
    return path if path != _exclude(paths) and not os.path.islink(path) else ""


def _check(path: str, hint: str) -> None:
    if os.path.isdir(path):
        raise Invalid(f"{path} is a directory, so git cannot read it", hint=hint)
    if path and os.path.exists(path) and not _has_line(path) and not os.access(path, os.W_OK):
        raise Forbidden(f"you may not write {path}", hint=hint)


def _has_line(path: str) -> bool:
    with open(path, "rb") as file:
        return _is_in(file.read())


def _is_in(content: bytes) -> bool:
    return not _PATTERNS.isdisjoint(line.strip() for line in content.split(b"\n"))


def place(paths: Paths) -> str:
    """Return the file that hides `.thrum` in this worktree: .gitignore only in the first one of an ordinary clone."""
    if paths.git_dir == paths.common and os.path.basename(paths.common) == ".git":
        return os.path.join(paths.root, ".gitignore")
    return _exclude(paths)


def _ignored_in(path: str, storage: Storage) -> bool:
    """Add the line if it is missing; everything else stays, byte for byte."""
    try:
        before = storage.read(path)
    except FileNotFoundError:
        before = b""
    if _is_in(before):
        return False
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    gap = newline if before and not before.endswith(b"\n") else b""
    _append(path, gap + newline.join([_COMMENT.encode(), IGNORED.encode(), b""]), storage)
    return True


def _append(path: str, data: bytes, storage: Storage) -> None:
    """Append to a file of the user in place, so that its mode and a link to it stay; on failure it is as before."""
    size = storage.size(os.path.realpath(path))
    try:
        with open(path, "ab", buffering=0) as file:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        if size < 0:
            storage.remove(path)
        elif storage.size(os.path.realpath(path)) > size:
            os.truncate(path, size)
        raise failed(error, f"cannot write {path}") from error
