"""Sends and checks while a daemon's sync meets a remote that is well, away, slow, hanging, refusing or asking."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from thrum_mcp.daemon.parts import sync_loop
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import handover, sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store, open_store

from .measuring import Row, percentile, shown, times
from .syncing import clone, git

PAIRS = int(os.environ.get("THRUM_BENCH_PAIRS", "11"))  # p99 of one window is noisy; 41 tell a tenth apart
_SHORTEST = sync_loop.RHYTHM.every * 0.8  # seconds between two syncs that fail
TROUBLES = ("well", "away", "slow", "hanging", "refusing", "asking for a password")
_SSH = {
    "away": "exit 255",
    "slow": 'sleep 0.3; for last; do :; done; exec sh -c "$last"',
    "hanging": "exec sleep 30",
    "asking for a password": "read answer </dev/tty; exit 255",
}
_HOOK = "#!/bin/sh\necho no >&2\nexit 1\n"


def measure() -> Iterator[Row]:
    """The rows of this page."""
    wanted = os.environ.get("THRUM_TROUBLE")
    for trouble in [wanted] if wanted else TROUBLES:
        with tempfile.TemporaryDirectory(prefix="thrum-bench-") as place:
            where = clone(Path(place))
            _spoil(Path(place), trouble)
            with open_store(where) as store:
                yield from _paired(store, where, trouble)


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


def _paired(store: Store, where: Paths, trouble: str) -> Iterator[Row]:
    """Windows of sends and checks in pairs: at the start of one a sync begins beside them, in the other nothing does.

    A remote that takes what comes brings one sync after another while agents speak: then every window is such a one.
    After a sync that failed the daemon waits for the interval, so that such a window comes once in 48 seconds at most,
    and weighs that much. Each pair gives one ratio of p99; the median counts, half of them lie between the two shown.
    """
    environment = {**os.environ, "GIT_SSH_COMMAND": f"{os.path.dirname(where.root)}/ssh"}
    windows: dict[str, list[list[float]]] = {"sync": [], "idle": []}
    for turn in range(PAIRS):
        for kind in ("sync", "idle") if turn % 2 else ("idle", "sync"):
            with _beside(where, kind, environment):
                windows[kind].append(_window(store))
    weight = 1 if trouble in ("well", "slow") else round(_SHORTEST / sync_loop.RHYTHM.after_change)
    calm = sorted(seconds for taken in windows["idle"] for seconds in taken)
    whole = sorted([seconds for taken in windows["sync"] for seconds in taken] + calm * (weight - 1))
    ratios = sorted(map(partial(_ratio, weight), windows["sync"], windows["idle"]))
    spread = f"half of {PAIRS} pairs {percentile(ratios, 25):.2f} to {percentile(ratios, 75):.2f}"
    spread += f", all together {percentile(whole, 99) / percentile(calm, 99):.2f}"
    label = f"send and check, remote {trouble}"
    yield Row(label, shown(whole), f"{shown(calm)} without a sync; {spread}", statistics.median(ratios), "≤ 1.10")
    if weight > 1:
        near = sorted(seconds for taken in windows["sync"] for seconds in taken)
        ratios = sorted(map(partial(_ratio, 1), windows["sync"], windows["idle"]))
        yield Row("… in the two seconds of a try", shown(near), "", statistics.median(ratios))


def _ratio(weight: int, beside: list[float], calm: list[float]) -> float:
    """p99 of one window with a sync and of so many without one, over p99 without any."""
    return percentile(sorted(beside + calm * (weight - 1)), 99) / percentile(calm, 99)


def _window(store: Store) -> list[float]:
    """Send and check, one after another, for as long as the daemon waits between two syncs."""
    taken: list[float] = []
    ends = time.monotonic() + sync_loop.RHYTHM.after_change
    while time.monotonic() < ends:
        taken += times(lambda: _said_and_heard(store), 1)
    return sorted(taken)


def _said_and_heard(store: Store) -> None:
    sending.send(store, Caller("a0"), SendMessage("ready", to=("a1",)))
    handed = handover.check(store, Caller("a1"))
    handover.acknowledge(store, Caller("a1"), handed)


@contextmanager
def _beside(where: Paths, kind: str, environment: dict[str, str]) -> Generator[None]:
    """A process that begins a sync as the daemon does, or that does nothing; ended afterwards with all it started."""
    command = [sys.executable, "-m", "benchmarks.troubled", where.root, kind]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=environment
    )
    assert child.stdout is not None and child.stdin is not None
    child.stdout.readline()
    child.stdin.write(b"go\n")
    child.stdin.flush()
    try:
        yield
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()
        child.stdin.close()


def _child(where: Paths, kind: str) -> None:
    mode = sync_loop.Mode(where, REAL, False) if kind == "sync" else None
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if mode is not None:
        sync_loop.turn(where, REAL, mode)
    time.sleep(60)  # until it is ended: what it started goes with it, and its own end shall not be measured


if __name__ == "__main__":
    from thrum_store.repository.paths import initialized

    _child(initialized(sys.argv[1]), sys.argv[2])
