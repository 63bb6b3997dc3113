"""From a send in one process to a wait that returns in another; floor: a FIFO and a byte."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator

from thrum_store.identity import Caller
from thrum_store.repository.paths import Paths, initialized
from thrum_store.service.messages import sending, waiting
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.store import open_store

from .measuring import Row, percentile, repository, shown

_ROUNDS = 200


def measure() -> Iterator[Row]:
    """The rows of this page."""
    with repository() as (paths, (sender, reader)):
        fifo = _fifo(os.path.join(paths.root, "floor"))
        woken = _waits(paths, sender, reader)
        ratio = percentile(woken, 50) / percentile(fifo, 50)
        yield Row("send returned → wait returned elsewhere", shown(woken), f"{shown(fifo)} FIFO", ratio, "≤ 5")
        yield _idle(paths, reader)


def _fifo(path: str) -> list[float]:
    os.mkfifo(path)
    child = _start("fifo", path)
    fd = os.open(path, os.O_WRONLY)
    taken: list[float] = []
    for _ in range(_ROUNDS):
        _settled(child)
        start = time.monotonic_ns()
        os.write(fd, b"!")
        taken.append((_answer(child) - start) / 1e6)
    os.close(fd)
    _end(child)
    return sorted(taken)


def _waits(paths: Paths, sender: Caller, reader: Caller) -> list[float]:
    child = _start("wait", paths.root, reader.name)
    taken: list[float] = []
    with open_store(paths) as store:
        for _ in range(_ROUNDS):
            _settled(child)
            sending.send(store, sender, SendMessage("wake up", to=(f"@{reader.name}",)))
            start = time.monotonic_ns()
            taken.append((_answer(child) - start) / 1e6)
    _end(child)
    return sorted(taken)


def _idle(paths: Paths, reader: Caller) -> Row:
    child = subprocess.Popen([sys.executable, "-m", "benchmarks.waking", "idle", paths.root, reader.name],
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    output, _ = child.communicate()
    return Row("a wait with nothing to do", f"{float(output):.2f} ms CPU a second", promise="not measurable")


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.waking", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def _settled(child: subprocess.Popen[str]) -> None:
    """Let the child begin its next round, and give it time to fall asleep."""
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("go\n")
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.02)


def _answer(child: subprocess.Popen[str]) -> int:
    assert child.stdout is not None
    return int(child.stdout.readline())


def _end(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None and child.stdout is not None
    child.stdin.close()
    child.wait()
    child.stdout.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _child_fifo(path: str) -> None:
    fd = os.open(path, os.O_RDONLY)
    for _ in sys.stdin:
        _say("ready")
        select.select([fd], [], [])
        os.read(fd, 1)
        _say(str(time.monotonic_ns()))


def _child_wait(paths: Paths, reader: Caller) -> None:
    with open_store(paths) as store:
        for _ in sys.stdin:
            _say("ready")
            ended = waiting.wait_in(store, reader, WaitFor(timeout=30))
            now = time.monotonic_ns()
            assert ended.status == "received"
            _say(str(now))


def _child_idle(paths: Paths, reader: Caller) -> None:
    seconds = 8.0
    with open_store(paths) as store:
        start = time.process_time()
        waiting.wait_in(store, reader, WaitFor(timeout=seconds))
        _say(str((time.process_time() - start) * 1000 / seconds))


if __name__ == "__main__":
    if sys.argv[1] == "fifo":
        _child_fifo(sys.argv[2])
    else:
        where = initialized(sys.argv[2])
        child = {"wait": _child_wait, "idle": _child_idle}[sys.argv[1]]
        child(where, Caller(sys.argv[3], worktree=where.worktree))
