"""Another store: a second clone, whose shards come over as files, as a sync brings them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.store import Store, open_store


class Elsewhere:
    """A clone of its own with a store of its own."""

    def __init__(self, root: Path, host: Host = REAL) -> None:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        self.paths: Paths = paths.find(str(root))
        setup.initialize(self.paths, setup.Initialize())
        self.store: Store = open_store(self.paths, host)

    def agent(self, name: str, role: str = "tester") -> Caller:
        """Register an agent there."""
        agents.register(self.store, Register(name, role, "auth"))
        return Caller(name, worktree="main")

    def address(self, name: str) -> str:
        """Return an agent's address as other stores write it."""
        return f"{name}@{self.store.own[:8]}"

    def reaches(self, store: Store) -> None:
        """Everything said there arrives in another store."""
        for shard in Path(self.paths.logs, self.store.own).iterdir():
            if shard.is_dir():
                shutil.copytree(shard, Path(store.paths.logs, self.store.own, shard.name), dirs_exist_ok=True)
        store.catch_up()
