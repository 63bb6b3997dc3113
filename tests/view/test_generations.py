"""Generations of the view: followed when they are replaced, repaired when they break, and never written past."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator

import pytest

from thrum_store.errors import DiskFull, StoreBusy, ViewCorrupted
from thrum_store.machine.host import REAL
from thrum_store.machine.storage_errors import Refusal
from thrum_store.repository.paths import VIEW_POINTER, Paths
from thrum_store.view import database, rebuild
from thrum_store.view.database import View

from .conftest import OWN


@pytest.fixture
def view(paths: Paths) -> Iterator[View]:
    """A view of an empty log."""
    view = View(paths, REAL, OWN, lambda: rebuild)
    view.refresh()
    yield view
    view.close()


def groups(view: View) -> list[str]:
    """Return what these tests write."""
    return [name for (name,) in view.connection.execute("SELECT name FROM group_adds ORDER BY name")]


def write(view: View, name: str) -> None:
    """Write a row."""
    view.connection.execute("INSERT INTO group_adds VALUES (?1, ?1, '', '', '', 0, '')", (name,))


def test_a_commit_is_seen_by_all_connections(view: View, paths: Paths) -> None:
    other = View(paths, REAL, OWN, lambda: rebuild)
    other.refresh()
    with view.committing():
        write(view, "a")
    assert groups(other) == ["a"]
    other.close()


def test_a_commit_that_fails_leaves_nothing_and_frees_the_lock(view: View) -> None:
    with pytest.raises(KeyboardInterrupt), view.committing():
        write(view, "a")
        raise KeyboardInterrupt
    with pytest.raises(ViewCorrupted), view.committing():
        view.connection.execute("SELECT * FROM no_such_table")
    assert not view.connection.in_transaction
    with view.committing():
        write(view, "b")
    assert groups(view) == ["b"]


def test_the_next_look_goes_over_to_a_generation_that_another_process_made(view: View, paths: Paths) -> None:
    before = view.generation
    other = View(paths, REAL, OWN, lambda: rebuild)
    other.rebuild()
    assert view.generation == before
    view.refresh()
    assert view.generation == other.generation != before
    other.close()


def test_a_commit_goes_over_to_it_too(view: View, paths: Paths) -> None:
    other = View(paths, REAL, OWN, lambda: rebuild)
    other.rebuild()
    with view.committing():
        write(view, "a")
    assert groups(other) == ["a"]
    other.close()


@pytest.mark.parametrize("file", ["", "-wal"])
def test_a_file_that_was_taken_away_is_never_written_again(view: View, file: str) -> None:
    with view.committing():
        write(view, "a")
    before = view.generation
    os.unlink(before + file)
    with pytest.raises(ViewCorrupted), view.committing():
        write(view, "b")
    view.refresh()
    assert view.generation != before
    assert groups(view) == []


def test_a_rebuild_keeps_one_older_generation(view: View, paths: Paths) -> None:
    made = [view.generation]
    for _ in range(3):
        view.rebuild()
        made.append(view.generation)
    numbers = [database.generation_number(os.path.basename(path)) for path in made]
    assert numbers == sorted(set(numbers))
    assert [os.path.exists(path) for path in made] == [False, False, True, True]
    assert rebuild.intact(made[-1]) and rebuild.intact(made[-1], thorough=False)


def test_a_pointer_to_nothing_means_that_there_is_no_view(view: View, paths: Paths) -> None:
    for name in ("p-v4.99-gone.db", "../elsewhere", "", "p-v2.1-old.db"):
        with open(paths.in_var(VIEW_POINTER), "w", encoding="ascii") as file:
            file.write(name)
        assert database.current(paths.var, REAL) is None
    view.refresh()
    assert database.current(paths.var, REAL) == view.generation


def test_a_file_that_is_no_view_is_damaged(paths: Paths) -> None:
    path = paths.in_var("p-v4.1-x.db")
    with open(path, "wb") as file:
        file.write(b"noise" * 1000)
    with pytest.raises(ViewCorrupted):
        database.connect(path)
    assert not rebuild.intact(path)
    os.unlink(path)
    sqlite3.connect(path).close()
    with pytest.raises(ViewCorrupted, match="schema"):
        database.connect(path)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY, StoreBusy), (sqlite3.SQLITE_LOCKED, StoreBusy), (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_READONLY, Refusal), (sqlite3.SQLITE_PERM, Refusal), (sqlite3.SQLITE_CANTOPEN, ViewCorrupted),
        (sqlite3.SQLITE_NOMEM, Refusal), (sqlite3.SQLITE_IOERR | 20 << 8, Refusal),
        (sqlite3.SQLITE_IOERR | 1 << 8, ViewCorrupted),
        (sqlite3.SQLITE_CORRUPT, ViewCorrupted), (sqlite3.SQLITE_NOTADB, ViewCorrupted),
        (sqlite3.SQLITE_BUSY | 5 << 8, StoreBusy),
    ],
)  # fmt: skip
def test_an_error_of_sqlite_becomes_ours(code: int, expected: type[Exception]) -> None:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    assert type(database.mapped(error)) is expected


def test_a_view_that_cannot_be_opened_is_made_again_where_files_can_be_made(paths: Paths) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert type(database.mapped(error, paths.in_var("gone.db"))) is ViewCorrupted
    assert type(database.mapped(error, "/nowhere/gone.db")) is Refusal


def test_our_misuse_of_sqlite_stays_an_error_of_sqlite() -> None:
    with pytest.raises(sqlite3.ProgrammingError):
        database.mapped(sqlite3.ProgrammingError("closed"))
