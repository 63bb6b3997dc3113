"""The branch and the view, read by libraries that had no part in writing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from git import Blob, Repo
from sqlite_utils import Database

from tests.sync.clones import Remote
from thrum_store.machine.host import REAL
from thrum_store.view import database


def blobs(repository: Path, branch: str) -> dict[str, bytes]:
    """Every file of a branch, by GitPython's own object database."""
    with Repo(repository) as opened:
        tree = opened.commit(branch).tree
        entries = [entry for entry in tree.traverse() if isinstance(entry, Blob)]
        return {str(entry.path): entry.data_stream.read() for entry in entries}


def test_the_branch_holds_byte_for_byte_what_the_logs_hold(remote: Remote) -> None:
    clone = remote.clone("alice-s", "alice")
    clone.send("alice", "one")
    clone.send("alice", "two é")
    clone.sync()
    branch = blobs(remote.root, "a-sync")
    segments = {name: data for name, data in branch.items() if name.endswith(".jsonl")}
    assert segments
    for name, data in segments.items():
        assert (Path(clone.paths.logs).parent / name).read_bytes().startswith(data)
    events = [json.loads(line) for data in segments.values() for line in data.splitlines()[1:]]
    assert [event["d"]["content"] for event in events if event["y"] == "message.create"] == ["one", "two é"]


def test_both_clones_views_hold_the_same_messages(remote: Remote) -> None:
    first, second = remote.clone("alice-s", "alice"), remote.clone("bob-s", "bob")
    first.send("alice", "from here")
    second.send("bob", "from there")
    for clone in (first, second, first):
        clone.sync()
    tables: list[list[tuple[Any, ...]]] = []
    for clone in (first, second):
        with clone.open():
            path = database.current(clone.paths.var, REAL)
        assert path is not None
        rows = Database(path)["messages"].rows_where(select="id, sent_ms, content", order_by="id")
        tables.append([tuple(row.values()) for row in rows])
    assert tables[0] == tables[1]
    assert [content for _, _, content in sorted(tables[0], key=lambda row: row[1])] == ["from here", "from there"]
