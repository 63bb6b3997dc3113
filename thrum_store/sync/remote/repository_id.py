"""Which repository this is: the root of its code's history, which all of its clones share (docs/decisions/0010).

Signed heads name it, so that a store of another repository cannot be planted here. A shallow clone does not have the
root; it takes the one that most stores of the branch name when it first looks, and keeps it.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable

from thrum_store.machine.digest import fingerprint
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

    def accepts(self, told: str) -> bool:
        """Whether a signature that names `told` is for this repository."""
        return told == self.own or told in self._accepted

    def look_again(self, told: Iterable[str]) -> None:
        """Looks for roots that were not known: a branch may have come. `told` are the ids that stores signed."""
        if self._shallow() and not self.own:
            counted = Counter(one for one in told if one)
            self.own = max(counted, key=lambda one: (counted[one], one), default="")
            self._keep()
        elif not self._shallow():
            self._find()

    def _shallow(self) -> bool:
        return self._git.asks("rev-parse", "--is-shallow-repository") == "true"

    def _find(self) -> None:
        if self._shallow():
            return
        first = self._roots("--max-parents=0", "HEAD")
        # Branches are written one way only: `--exclude` holds for the next pattern, then it is forgotten.
        every = self._roots("--max-parents=0", _OURS[0], "--branches", _OURS[1], "--remotes")
        self.own = min(first, default="")
        self._accepted = frozenset(first | every)
        if self.own:
            self._keep()

    def _roots(self, *arguments: str) -> set[str]:
        told = self._git.asks("rev-list", *arguments, "--") or ""
        return {fingerprint(f"thrum repository {root}".encode()) for root in told.split()}

    def _load(self) -> None:
        try:
            told = json.loads(self._host.storage.read(self._path))
            self.own, self._accepted = str(told["own"]), frozenset(map(str, told["accepted"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return

    def _keep(self) -> None:
        told = {"accepted": sorted(self._accepted), "own": self.own}
        self._host.storage.replace(self._path, json.dumps(told).encode() + b"\n")
