"""Sends and checks while a daemon's sync meets a remote that is well, away, slow, hanging, refusing or asking."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from thrum_store.errors import ThrumError
from thrum_store.model import Caller
from thrum_store.paths import Paths
from thrum_store.service import handover, messages
from thrum_store.service.messages import SendMessage
from thrum_store.store import Store, open_store
from thrum_store.sync import cycle

from .measuring import Row, percentile, shown, times
from .syncing import clone, git

ROUNDS, EACH = 4, 400
PAUSE = 2.0  # seconds from a sync to the next one, as the daemon waits after a change
_SSH = {
    "away": "exit 255",
    "slow": 'sleep 0.3; for last; do :; done; exec sh -c "$last"',
    "hanging": "exec sleep 30",
    "asking for a password": "read answer </dev/tty; exit 255",
}
_HOOK = "#!/bin/sh\necho no >&2\nexit 1\n"


def measure() -> Iterator[Row]:
    """The rows of this page."""
    for trouble in ("well", "away", "slow", "hanging", "refusing", "asking for a password"):
        with tempfile.TemporaryDirectory(prefix="thrum-bench-") as place:
            where = clone(Path(place))
            _spoil(Path(place), trouble)
            with open_store(where) as store:
                yield _paired(store, where, trouble)


def _spoil(place: Path, trouble: str) -> None:
    if trouble == "refusing":
        hook = place / "remote.git" / "hooks" / "pre-receive"
        hook.write_text(_HOOK, encoding="utf-8")
        hook.chmod(0o755)
        return
    if trouble == "well":
        return
    script = place / "ssh"
    script.write_text(f"#!/bin/sh\n{_SSH[trouble]}\n", encoding="utf-8")
    script.chmod(0o755)
    git(f"{place}/here", "remote", "set-url", "origin", f"ssh://localhost{place}/remote.git")


def _paired(store: Store, where: Paths, trouble: str) -> Row:
    """Blocks of sends and checks in turn, beside a process that syncs as a daemon does and beside one that does not."""
    calm: list[float] = []
    troubled: list[float] = []
    environment = {**os.environ, "GIT_SSH_COMMAND": f"{os.path.dirname(where.root)}/ssh"}
    for _ in range(ROUNDS):
        for kind, taken in (("idle", calm), ("sync", troubled)):
            with _beside(where, kind, environment):
                taken += times(lambda: _said_and_heard(store), EACH)
    calm.sort()
    troubled.sort()
    ratio = percentile(troubled, 99) / percentile(calm, 99)
    return Row(f"send and check, remote {trouble}", shown(troubled), f"{shown(calm)} without a sync", ratio, "≤ 1.10")


def _said_and_heard(store: Store) -> None:
    messages.send(store, Caller("a0"), SendMessage("ready", to=("a1",)))
    handed = handover.check(store, Caller("a1"))
    handover.acknowledge(store, Caller("a1"), handed)


@contextmanager
def _beside(where: Paths, kind: str, environment: dict[str, str]) -> Generator[None]:
    """A process that syncs over and over, or that only sleeps; ended afterwards with all it started."""
    command = [sys.executable, "-m", "benchmarks.troubled", where.root, kind]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, env=environment)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()


def _child(where: Paths, kind: str) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        if kind == "sync":
            with open_store(where) as store, suppress(ThrumError):
                cycle.synchronize(store, local_only=False)
        time.sleep(PAUSE)


if __name__ == "__main__":
    from thrum_store.paths import initialized

    _child(initialized(sys.argv[1]), sys.argv[2])
