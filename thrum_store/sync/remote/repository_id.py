"""The id of this repository: the root of its code's history, which all of its clones share (docs/decisions/0010).

Signed heads name it, so that nobody can plant the store of another repository. A shallow clone does not have the root:
it takes the one that most stores of the branch name at its first look, and keeps it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from thrum_store import values
from thrum_store.errors import StorageFailed
from thrum_store.log.events import fingerprint
from thrum_store.machine.host import Host
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import REPOSITORY_FILE

_OURS = ("--exclude=refs/heads/a-sync", "--exclude=refs/remotes/*/a-sync")


class Repository:
    """The ids that a signature for this repository may carry; `own` is the one that we sign."""

    def __init__(self, git: GitRunner, var: str, host: Host) -> None:
        self._git, self._path, self._host = git, os.path.join(var, REPOSITORY_FILE), host
        self.own, self._accepted = "", frozenset[str]()
        self._load()
        if not self.own:
            self._find()

    def accepts(self, repository: str) -> bool:
        """Return whether a signature that names this id is for this repository."""
        return repository == self.own or repository in self._accepted

    def look_again(self, signed: Iterable[str]) -> None:
        """Look for new roots, because a branch may have come. `signed` are the ids that stores signed."""
        if self._shallow() and not self.own:
            counted = Counter(repository for repository in signed if repository)
            self.own = max(counted, key=lambda repository: (counted[repository], repository), default="")
            self._keep()
        elif not self._shallow():
            self._find()

    def _shallow(self) -> bool:
        return self._git.asks("rev-parse", "--is-shallow-repository") == "true"

    def _find(self) -> None:
        if self._shallow():
            return
        first = self._roots("--max-parents=0", "HEAD")
        # git applies each `--exclude` to the next pattern only.
        every = self._roots("--max-parents=0", _OURS[0], "--branches", _OURS[1], "--remotes")
        self.own = min(first, default="")
        self._accepted = frozenset(first | every)
        try:
            if self.own:
                self._keep()
        except StorageFailed:  # where nothing can be written, it is looked for each time
            return

    def _roots(self, *arguments: str) -> set[str]:
        output = self._git.asks("rev-list", *arguments, "--") or ""
        return {fingerprint(f"thrum repository {root}".encode()) for root in output.split()}

    def _load(self) -> None:
        try:
            fields = values.loads(self._host.storage.read(self._path))
            self.own, self._accepted = str(fields["own"]), frozenset(map(str, fields["accepted"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return

    def _keep(self) -> None:
        fields = {"accepted": sorted(self._accepted), "own": self.own}
        self._host.storage.replace(self._path, values.escaped(fields).encode() + b"\n")
