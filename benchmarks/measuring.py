"""Rows, percentiles, and the repositories that are measured in."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.team import agents
from thrum_store.store import open_store


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure, its floor from the same run, and what was promised."""

    name: str
    figure: str
    floor: str = ""
    ratio: float | None = None
    promise: str = ""


def times(action: Callable[[], object], runs: int) -> list[float]:
    """Milliseconds of each run, sorted."""
    taken: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        taken.append((time.perf_counter() - start) * 1000)
    return sorted(taken)


def paired(
    ours: Callable[[], object], other: Callable[[], object], runs: int
) -> tuple[list[float], list[float], float]:
    """Both in turn, so that drift hits both: their sorted times and the median of the ratios taken pair by pair."""
    first: list[float] = []
    second: list[float] = []
    for _ in range(runs):
        first += times(ours, 1)
        second += times(other, 1)
    ratios = sorted(a / b for a, b in zip(first, second, strict=True))
    return sorted(first), sorted(second), ratios[len(ratios) // 2]


def percentile(taken: list[float], percent: float) -> float:
    """A percentile of sorted times."""
    return taken[min(int(len(taken) * percent / 100), len(taken) - 1)]


def shown(taken: list[float]) -> str:
    """p50 and p99 in milliseconds."""
    return f"{percentile(taken, 50):.3g} / {percentile(taken, 99):.3g} ms"


@contextmanager
def repository(names: int = 2) -> Generator[tuple[Paths, list[Caller]]]:
    """An initialised git repository with agents `a0`, `a1`, … in it."""
    with tempfile.TemporaryDirectory(prefix="thrum-bench-") as place:
        subprocess.run(["git", "init", "-q", place], check=True)
        setup.initialize(paths.find(place), setup.Initialize())
        places = paths.initialized(place)
        with open_store(places) as store:
            for number in range(names):
                agents.register(store, agents.Register(f"a{number}", "worker", "bench"))
        yield places, [Caller(f"a{number}", worktree=places.worktree) for number in range(names)]
