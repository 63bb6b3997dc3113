"""Locks between processes: one holder at a time, a deadline for the others, and no lock outlives its holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from thrum_store.errors import StorageFailed, StoreBusy
from thrum_store.machine.host import Lock

HOLDER = """
import sys
from thrum_store.machine.host import Lock
Lock(sys.argv[1]).acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(scratch: Path) -> str:
    """The file of a lock."""
    return str(scratch / "x.lock")


def test_one_holder_at_a_time(path: str) -> None:
    first, second = Lock(path), Lock(path)
    with first:
        assert not second.try_acquire()
    assert second.try_acquire()
    assert not first.try_acquire()
    second.release()
    second.release()
    assert first.try_acquire()
    first.release()


def test_a_lock_that_stays_taken_names_its_holder(path: str) -> None:
    with Lock(path), pytest.raises(StoreBusy, match=str(os.getpid())):
        Lock(path).acquire(0.01)


def test_a_lock_is_free_once_its_holder_was_killed(path: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        lock = Lock(path)
        assert not lock.try_acquire()
        holder.kill()
        lock.acquire()
        lock.release()
    assert os.path.exists(path)  # nobody removes the file: a waiter may have it open


def test_a_lock_where_no_file_can_be_made_is_a_failure_of_the_disk(path: str) -> None:
    with pytest.raises(StorageFailed):
        Lock(path + "/no/directory").acquire()
