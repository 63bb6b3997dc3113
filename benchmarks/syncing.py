"""Costs of syncs through git: the time of a cycle as the history grows, and the size of `.git`."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.machine.host import Bell
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending, waiting
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.service.team import agents
from thrum_store.store import Store, open_store
from thrum_store.sync import cycle, state

from .measuring import Row, shown

SYNCS, LAST, EACH = 600, 1000, 5
_AROUND = 12  # cycles of which the median is taken
_TEXT = "The auth module is ready for review; the tests are green and the branch is pushed. "


class Size(NamedTuple):
    """The size of a directory: bytes on disk, bytes of content, and the number of files."""

    blocks: int
    length: int
    files: int

    def since(self, before: Size) -> str:
        """The growth in words."""
        blocks, length, files = (now - then for now, then in zip(self, before, strict=True))
        return f"{blocks / 1e6:.1f} MB on disk, {length / 1e6:.1f} MB by length, {files:,} files"


def measure() -> Iterator[Row]:
    """The rows of this page."""
    with tempfile.TemporaryDirectory(prefix="thrum-bench-") as place:
        where = clone(Path(place))
        top = Path(where.common)
        before = _size(top)
        with open_store(where) as store:
            taken = [_cycle(store, number) for number in range(SYNCS)]
            grown, last_pack = _size(top).since(before), state.load(where.var, store.host).unpacked
            taken += [_cycle(store, number) for number in range(SYNCS, LAST)]
            idle = sorted(_spent(store) for _ in range(_AROUND))
            kept = _size(top).since(before)
            woken = _woken(Path(place), store)
        yield from _costs(taken)
        yield woken
        yield Row("cycle, idle", f"{idle[_AROUND // 2]:.0f} ms of processor")
        label = f"`.git` after {SYNCS} syncs of {EACH} messages, {last_pack} after the last pack"
        yield Row(label, grown, promise="< 8 MB on disk")
        yield Row(f"`.git` after {LAST:,}", kept)
        git(where.root, "gc", "--quiet")
        yield Row("the same after `git gc`", _size(top).since(before))


def _woken(place: Path, near: Store) -> Row:
    """From a send to the end of a blocked wait in another clone, with one forced sync on each side."""
    git(str(place), "clone", "--quiet", "remote.git", "there")
    setup.initialize(paths.find(f"{place}/there"), setup.Initialize(stealth=True))
    where = paths.initialized(f"{place}/there")
    taken: list[float] = []
    with open_store(where) as far:
        agents.register(far, agents.Register("b0", "worker", "bench"))
        cycle.synchronize(far, local_only=False)
        cycle.synchronize(near, local_only=False)
        for number in range(20):
            with ThreadPoolExecutor(1) as beside, Bell(where.bells, "nobody") as ready:
                waiter = beside.submit(_wait, where)
                while len(os.listdir(where.bells)) < 2:
                    select.select([ready.fd], [], [], 0.001)
                begun = time.perf_counter()
                sending.send(near, Caller("a0"), SendMessage(f"go {number}", to=("b0",)))
                cycle.synchronize(near, local_only=False)
                cycle.synchronize(far, local_only=False)
                taken.append((waiter.result() - begun) * 1000)
    return Row("to a blocked wait in another clone, a sync on each side", shown(sorted(taken)), promise="≤ 3,000 ms")


def _wait(where: Paths) -> float:
    outcome = waiting.wait(where, Caller("b0"), WaitFor(30))
    assert outcome.messages
    return time.perf_counter()


def _costs(taken: list[float]) -> Iterator[Row]:
    """The 10th cycle and later ones, each the median of those around it; the one in 64 that packs lies in the mean."""
    early = _median_around(taken, 10)
    for place in (100, SYNCS, LAST):
        late = _median_around(taken, place)
        promise = "≤ 1.3" if place == LAST else ""
        yield Row(f"cycle {place:,}", f"{late:.0f} ms of processor", f"{early:.0f} ms the 10th", late / early, promise)
    mean = sum(taken) / len(taken)
    yield Row("cycle, mean and slowest", f"{mean:.0f} / {max(taken):.0f} ms of processor")


def _median_around(taken: list[float], place: int) -> float:
    around = sorted(taken[max(place - _AROUND // 2, 0) : place + _AROUND // 2][-_AROUND:])
    return around[len(around) // 2]


def clone(place: Path) -> Paths:
    """A clone with two agents that may sync with a bare remote."""
    git(str(place), "init", "--quiet", "--bare", "remote.git")
    git(f"{place}/remote.git", "config", "core.fsync", "none")  # its disk is another machine's
    tree = git(f"{place}/remote.git", "mktree")
    commit = git(f"{place}/remote.git", "commit-tree", tree, "-m", "code")
    git(f"{place}/remote.git", "update-ref", "refs/heads/main", commit)
    git(str(place), "clone", "--quiet", "remote.git", "here")
    setup.initialize(paths.find(f"{place}/here"), setup.Initialize(stealth=True))
    with open_store(paths.initialized(f"{place}/here")) as store:
        for name in ("a0", "a1"):
            agents.register(store, agents.Register(name, "worker", "bench"))
    return paths.initialized(f"{place}/here")


def _cycle(store: Store, number: int) -> float:
    for number in range(EACH):
        author, reader = (f"a{(number + number + who) % 2}" for who in (0, 1))
        sending.send(store, Caller(author), SendMessage(f"{_TEXT} {number}.{number}", to=(reader,)))
    return _spent(store)


def _spent(store: Store) -> float:
    """Milliseconds of processor that one cycle takes, with all git processes: a busy machine changes little of it."""
    before = os.times()
    cycle.synchronize(store, local_only=False)
    return sum(now - then for now, then in zip(os.times()[:4], before[:4], strict=True)) * 1000


def _size(top: Path) -> Size:
    files = [os.lstat(path) for path in (top, *top.rglob("*"))]
    return Size(sum(file.st_blocks for file in files) * 512, sum(file.st_size for file in files), len(files))


def git(where: str, *arguments: str) -> str:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=where, check=True, capture_output=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode().strip()
