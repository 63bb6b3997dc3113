"""SQLite as old as 3.31, as older systems have it: everything works. Without FTS5 thrum says so before it begins."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.source import ROOT
from tests.users import RUN, modules, python

# Directories with a libsqlite3.so.0 of 3.31 with FTS5, and without. `LD_LIBRARY_PATH` puts it before the system's.
OLD, WITHOUT_FTS5 = os.environ.get("SQLITE_LIB", ""), os.environ.get("SQLITE_LIB_WITHOUT_FTS5", "")
# RETURNING 3.35, STRICT 3.37, -> and ->> 3.38, DROP COLUMN 3.35, UPDATE FROM 3.33, MATERIALIZED 3.35, iif 3.32
NEWER = re.compile(
    r"\bRETURNING\b|\) STRICT\b|'\$?\w*' ?->|->> ?'|DROP COLUMN|UPDATE \w+ SET [^\"]* FROM|MATERIALIZED|\biif\(|"
    r"\bstring_agg\(|\bconcat\(|RIGHT JOIN|FULL JOIN|IS DISTINCT FROM|unixepoch\("
)


def thrum(place: Path, library: str, agent: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run thrum on the SQLite of a directory."""
    environment = {**os.environ, "THRUM_NAME": agent, "LD_LIBRARY_PATH": library, "PYTHONPATH": modules()}
    return subprocess.run(
        [python(), "-c", RUN, *arguments], cwd=place, env=environment, capture_output=True, text=True, check=False
    )


def test_no_statement_needs_a_newer_sqlite() -> None:
    files = [*(ROOT / "thrum_store").rglob("*.sql"), *(ROOT / "thrum_store").rglob("*.py")]
    assert len(files) > 50
    assert {str(file): words for file in files if (words := NEWER.findall(file.read_text(encoding="utf-8")))} == {}


@pytest.mark.skipif(not OLD, reason="SQLITE_LIB names no directory with an old libsqlite3: this did NOT run")
def test_everything_works_on_an_old_sqlite(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert thrum(tmp_path, OLD, "alice", "init").returncode == 0
    for name in ("bob", "alice"):
        done = thrum(tmp_path, OLD, name, "quickstart", "--name", name, "--role", "r", "--module", "m")
        assert (done.returncode, done.stderr) == (0, ""), done
    sent = thrum(tmp_path, OLD, "alice", "send", "hello world", "--to", "@bob").stdout.split()[1].rstrip(".")
    for line in (
        ("inbox",), ("search", "hello"), ("reply", sent, "thanks"), ("sync", "force"), ("doctor",), ("team",),
        ("query", "SELECT count(*) FROM messages"), ("purge", "--all", "--confirm"),
    ):  # fmt: skip
        done = thrum(tmp_path, OLD, "bob", *line)
        assert (done.returncode, done.stderr) == (0, ""), done
    for deletion in (("message", "delete", sent, "--force"), ("agent", "delete", "bob", "--force")):
        assert "SQLite" not in thrum(tmp_path, OLD, "alice", *deletion).stderr


@pytest.mark.skipif(not WITHOUT_FTS5, reason="SQLITE_LIB_WITHOUT_FTS5 names no libsqlite3: this did NOT run")
def test_without_fts5_init_says_so_and_writes_nothing(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = thrum(tmp_path, WITHOUT_FTS5, "alice", "init")
    assert done.returncode == 1
    assert "no such module: fts5" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / ".thrum").exists() and not (tmp_path / ".git" / "thrum-sync").exists()
