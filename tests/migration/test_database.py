"""The database of the Go program holds what its logs lost: a migration brings that too, and opens only a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .go_store import START, database, moment
from .test_rare_forms import got, migrated, shell, texts, two


def at(second: int) -> str:
    return moment(START + second * 1000)


def test_events_that_a_merge_dropped_from_the_logs_are_brought(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.message("ann", "in both", 10, ["bob"])
    store.message("ann", "only in the database", 20, ["bob"])
    with_all = database(store)
    with_all.close()
    del store.files["messages/ann.jsonl"][1]
    answer = migrated(store)
    assert (answer["messages"], answer["agents"]) == (2, 2)
    assert texts(store) == ["in both", "only in the database"]
    assert ".thrum/var/messages.db" in answer["sources"]
    again = migrated(store)  # the database was put aside by the set-up
    assert [again[key] for key in ("messages", "known", "agents")] == [0, 2, 0]


def test_what_a_killed_daemon_left_in_the_databases_own_log_counts(tmp_path: Path) -> None:
    store = two(tmp_path)
    store.message("ann", "not written back", 10, ["bob"])
    kept = tmp_path / "kept"
    kept.mkdir()
    living = database(store, crashed=True)
    for name in ("messages.db", "messages.db-wal"):
        shutil.copyfile(store.var / name, kept / name)
    living.close()
    for name in ("messages.db", "messages.db-wal"):
        shutil.copyfile(kept / name, store.var / name)
    before = (store.var / "messages.db").read_bytes()
    del store.files["messages/ann.jsonl"]
    assert migrated(store)["messages"] == 1
    (aside,) = (store.root / ".git/thrum-sync/strays").glob("*/messages.db")
    assert aside.read_bytes() == before


def test_read_marks_that_only_the_database_has_come_along(tmp_path: Path) -> None:
    store = two(tmp_path)
    first = store.message("ann", "read long ago", 10, ["bob"], recipients=["bob"])
    second = store.message("ann", "read since", 20, ["bob"], recipients=["bob"])
    store.message("ann", "unread", 30, ["bob"], recipients=["bob"])
    rows = database(store)
    rows.execute("INSERT INTO message_reads VALUES (?, 'ses_1', 'bob', ?)", (first, at(40)))
    rows.execute("INSERT INTO message_deliveries VALUES (?, 'bob', ?, NULL, ?)", (second, at(20), at(50)))
    rows.execute("INSERT INTO message_reads VALUES ('msg_gone', 'ses_1', 'bob', ?)", (at(40),))
    rows.close()
    assert migrated(store)["receipts"] == 2
    assert shell(store).json("inbox", "--unread")["unread"] == 1
    (recipient,) = got(store, first)["recipients"]
    assert recipient["read_at"] == "2026-01-02T03:00:40.000Z"


def test_agents_and_groups_whose_events_a_purge_removed_come_along(tmp_path: Path) -> None:
    store = two(tmp_path)
    known = store.group("known", 5, ("agent", "bob"))
    rows = database(store)
    rows.execute("INSERT INTO agents VALUES ('cyd', 'agent', 'tester', 'm', '', 'host', ?, '')", (at(1),))
    rows.execute("INSERT INTO agents VALUES ('ann', 'agent', 'planner', 'core', '', 'host', ?, '')", (at(0),))
    rows.execute("INSERT INTO groups VALUES ('grp_x', 'lost', 'few', ?, 'ann', '', NULL)", (at(2),))
    rows.execute("INSERT INTO groups VALUES (?, 'known', '', ?, 'ann', '', NULL)", (known, at(5)))
    rows.execute("INSERT INTO groups VALUES ('grp_role_tester', 'tester', '', ?, 'system', '', NULL)", (at(2),))
    rows.execute("INSERT INTO group_members VALUES (1, 'grp_x', 'role', 'tester', ?, 'ann')", (at(3),))
    rows.close()
    answer = migrated(store)
    assert (answer["agents"], answer["groups"], answer["warnings"]) == (3, 2, [])
    assert shell(store).json("group", "members", "lost", "--expand")["expanded"] == ["cyd"]
    shell(store, "ann").ok("group", "delete", "known")
    again = migrated(store)
    assert (again["groups"], again["agents"]) == (0, 0)
    assert shell(store).thrum("group", "info", "known", "--json").error["code"] == "unknown_group"


@pytest.mark.parametrize("content", [b"", b"not a database" * 500, None])
def test_a_database_that_cannot_be_read_is_named_and_the_rest_is_brought(tmp_path: Path, content: bytes | None) -> None:
    store = two(tmp_path)
    store.message("ann", "from the log", 10, ["bob"])
    if content is None:
        database(store).close()
        data = bytearray((store.var / "messages.db").read_bytes())
        data[4096:] = b"\xff" * (len(data) - 4096)
        content = bytes(data)
    (store.var / "messages.db").write_bytes(content)
    answer = migrated(store)
    assert texts(store) == ["from the log"]
    assert [warning.split(",")[0] for warning in answer["warnings"]] == (
        [".thrum/var/messages.db cannot be read"] if content else []
    )
