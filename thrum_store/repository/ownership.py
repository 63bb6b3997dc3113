"""The owner of a repository in which root works, in a container or by sudo: what root's git made becomes the owner's.

Files of the store get their owner when they are made (`machine/host`). Git's objects and refs do not, and a directory
of objects that belongs to root would refuse the owner's next commit.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from thrum_store.machine.host import Clock

    from .paths import Paths

_MADE_BY_GIT = ("objects", "refs", "logs", "reftable", "worktrees", "thrum-sync")


class OwnersFiles:
    """A context after which nothing that was made in it belongs to root, unless the repository does."""

    def __init__(self, paths: Paths, clock: Clock) -> None:
        self._paths = paths
        owner = os.stat(paths.common)
        self._uid, self._gid = owner.st_uid, owner.st_gid
        self._needed = os.geteuid() == 0 and self._uid != 0
        self._start_ns = (clock.wall_ms() - 2000) * 1_000_000  # a file system may round its times to two seconds

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        if not self._needed:
            return
        for path in self._candidates():
            try:
                status = os.lstat(path)
                if status.st_uid == 0 and status.st_ctime_ns >= self._start_ns:
                    os.chown(path, self._uid, self._gid, follow_symlinks=False)
            except FileNotFoundError:
                continue  # a temporary file of git's

    def _candidates(self) -> Iterator[str]:
        common = self._paths.common
        yield from (entry.path for entry in os.scandir(common))
        yield from (os.path.join(self._paths.root, ".gitignore"), os.path.join(common, "info", "exclude"))
        for top in (*(os.path.join(common, name) for name in _MADE_BY_GIT), self._paths.thrum, self._paths.local):
            yield top
            for directory, directories, files in os.walk(top):
                yield from (os.path.join(directory, name) for name in (*directories, *files))
