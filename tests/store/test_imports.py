"""The modules of the log and the view that a send loads: each costs as much as a hundred lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import Two
from thrum_store.repository.paths import Paths

ROOT = Path(__file__).resolve().parents[2]
SEND = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.service.messages.sending import SendMessage, send
from thrum_store.store import open_store
with open_store(paths.initialized()) as store:
    send(store, Caller("alice", worktree="main"), SendMessage("x", to=("bob",)))
print(*sys.modules)
"""
HEAVY = {"contextlib", "dataclasses", "hashlib", "importlib", "subprocess", "typing"}


def test_a_send_loads_six_modules_of_the_log_and_the_view(repo: Paths, two_agents: Two) -> None:
    done = subprocess.run([sys.executable, "-S", "-c", SEND], cwd=repo.root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    rooms = ("thrum_store.log.", "thrum_store.view.")
    assert {name for name in loaded if name.startswith(rooms)} - {
        "thrum_store.view.events",
        "thrum_store.view.queries",
    } == {
        "thrum_store.log.events",
        "thrum_store.log.segments",
        "thrum_store.view.database",
        "thrum_store.view.events.message",
        "thrum_store.view.projection",
        "thrum_store.view.queries.lookup",
    }
    assert loaded & HEAVY == set()
