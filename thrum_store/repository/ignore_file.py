"""The line that hides `.thrum` from git, in the user's ignore files; everything else in them stays, byte for byte."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Host, Storage

    from .paths import Paths

IGNORED = ".thrum/"
_COMMENT = "# thrum: identities, locks and the local view of the messages"


def hide(paths: Paths, host: Host, *, stealth: bool) -> list[str]:
    """Hide `.thrum` from git: the exclude file covers all worktrees of this clone, .gitignore the other clones."""
    exclude = os.path.join(paths.common, "info", "exclude")
    host.storage.directory(os.path.dirname(exclude))
    changed = _ignored_in(exclude, host.storage)
    if not stealth and place(paths) != exclude:
        return (
            ["added .thrum/ to .gitignore"] if _ignored_in(os.path.join(paths.root, ".gitignore"), host.storage) else []
        )
    return ["added .thrum/ to .git/info/exclude"] if changed else []


def place(paths: Paths) -> str:
    """Return the file that hides `.thrum` in this worktree: .gitignore only in the first one of an ordinary clone."""
    if paths.git_dir == paths.common and os.path.basename(paths.common) == ".git":
        return os.path.join(paths.root, ".gitignore")
    return os.path.join(paths.common, "info", "exclude")


def _ignored_in(path: str, storage: Storage) -> bool:
    """Add the line if it is missing; everything else stays, byte for byte."""
    try:
        before = storage.read(path)
    except FileNotFoundError:
        before = b""
    if IGNORED.encode() in (line.strip() for line in before.split(b"\n")):
        return False
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    gap = newline if before and not before.endswith(b"\n") else b""
    _put(path, before + gap + newline.join([_COMMENT.encode(), IGNORED.encode(), b""]))
    return True


def _put(path: str, data: bytes) -> None:
    """Write a file of the user in place, so that its mode and a link to it stay."""
    with open(path, "wb") as file:
        file.write(data)
