"""The view deleted, cut or filled with garbage under processes that read and write: the same mailboxes come back."""

from __future__ import annotations

import os
import random
import select
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from thrum_store.repository.paths import VIEW_POINTER, Paths
from thrum_store.store import open_store

from .crowd import Speaker, agree, nothing_lost, register, sound

NAMES = [f"agent{number}" for number in range(6)]
SECONDS = 0.15  # between two acts


def delete(path: Path) -> None:
    """Remove a file."""
    path.unlink(missing_ok=True)


def garble(path: Path) -> None:
    """Fill a file with garbage in place."""
    if path.exists():
        path.write_bytes(random.Random(1).randbytes(path.stat().st_size or 4096))


def blank(path: Path) -> None:
    """Fill a file with zeros in place."""
    if path.exists():
        path.write_bytes(bytes(path.stat().st_size or 4096))


def cut(path: Path) -> None:
    """Truncate a file to its first third."""
    if path.exists():
        os.truncate(path, path.stat().st_size // 3)


def swap(path: Path) -> None:
    """Replace a file by a copy, as a restored backup would."""
    if path.exists():
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        copy.rename(path)


# Cutting the -shm is left out: SQLite maps it, and the kernel ends a process whose mapped file shrank.
ACTS: dict[str, list[tuple[str, Callable[[Path], None]]]] = {
    "view deleted": [("", delete)],
    "view cut": [("", cut)],
    "view garbled": [("", garble)],
    "view blanked": [("", blank)],
    "view swapped": [("", swap)],
    "wal deleted": [("-wal", delete)],
    "wal cut": [("-wal", cut)],
    "wal garbled": [("-wal", garble)],
    "index deleted": [("-shm", delete)],
    "view and wal deleted": [("", delete), ("-wal", delete)],
    "all deleted": [("", delete), ("-wal", delete), ("-shm", delete)],
    "view and wal garbled": [("", garble), ("-wal", garble)],
}


def view(repo: Paths) -> str:
    """Return the path of the view that counts."""
    return os.path.join(repo.var, Path(repo.var, VIEW_POINTER).read_text().strip())


def act(repo: Paths, act_name: str) -> None:
    """Damage the view that counts; do nothing while there is none."""
    with suppress(FileNotFoundError):
        _act(view(repo), act_name)


def _act(path: str, act_name: str) -> None:
    for suffix, spoil_file in ACTS[act_name]:
        spoil_file(Path(path + suffix))


@pytest.mark.parametrize("act_name", ACTS)
def test_a_view_that_is_spoiled_while_nobody_uses_it_comes_back(repo: Paths, act_name: str) -> None:
    register(repo, NAMES)
    assert Speaker(repo, "agent0", "chatter", "3", *NAMES).wait() == 0
    busy = Speaker(repo, "agent1", "chatter", "0", *NAMES)
    busy.heard_first()
    busy.kill()  # its WAL stays
    act(repo, act_name)
    sound(repo)


@pytest.mark.parametrize("act_name", ACTS)
def test_a_view_that_is_spoiled_under_those_who_use_it_comes_back(repo: Paths, act_name: str) -> None:
    spoil(repo, [act_name] * 4)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_view_that_is_spoiled_three_hundred_times_comes_back_each_time(repo: Paths) -> None:
    draw = random.Random(4)
    spoil(repo, [draw.choice(list(ACTS)) for _ in range(300)])


def spoil(repo: Paths, acts: list[str]) -> None:
    """Let six processes read and write, damage the view again and again, and check what is left."""
    register(repo, NAMES)
    acknowledged: dict[str, list[str]] = {name: [] for name in NAMES}
    running = {name: start(repo, name) for name in NAMES}
    for act_name in acts:
        select.select([], [], [], SECONDS)
        act(repo, act_name)
        for name in NAMES:
            if running[name].process.poll() is not None:
                finish(running[name], acknowledged[name])
                running[name] = start(repo, name)
    for name, speaker in running.items():
        finish(speaker, acknowledged[name])
    logs = sound(repo)
    for name in NAMES:
        nothing_lost(logs, name, acknowledged[name])
    with open_store(repo) as store:
        store.rebuild()
        agree(store)


def start(repo: Paths, name: str) -> Speaker:
    """Half of them keep the store open, half open it for each message."""
    return Speaker(repo, name, "anew" if NAMES.index(name) % 2 else "chatter", "40", *NAMES, "writer", "everyone")


def finish(speaker: Speaker, acknowledged: list[str]) -> None:
    """Take over what it acknowledged; nothing may have gone wrong with it."""
    assert speaker.wait() == 0, (speaker.heard[-1:], speaker.complaints)
    acknowledged += [answer["id"] for answer in speaker.heard]
