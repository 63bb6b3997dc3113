"""`thrum query` and `thrum export`: SQL over the documented views, and a SQLite file for other tools."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pytest
from sqlite_utils import Database

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import Shell

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def talk(team: Team) -> Team:
    """A team whose store has a row in every view."""
    first = team.says("The token format\nis settled", "--scope", "module:auth", "--ref", "pr:7")
    team.builder.ok("message", "read", first)
    team.builder.ok("reply", first, "Thanks")
    team.planner.ok("group", "create", "core", "--description", "the two of us")
    team.planner.ok("group", "add", "core", "@builder")
    return team


def rows(shell: Shell, sql: str) -> list[dict[str, Any]]:
    """The rows of a query."""
    answer: list[dict[str, Any]] = shell.json("query", sql)["rows"]
    return answer


@requirement("query")
def test_a_query_reads_what_was_sent_and_who_has_read_it(talk: Team) -> None:
    columns, tables = "m.author, d.recipient, d.read_at IS NOT NULL AS is_read", "messages m, deliveries d"
    assert rows(talk.planner, f"SELECT {columns} FROM {tables} WHERE d.message = m.id ORDER BY m.sent_at") == [
        {"author": "planner", "recipient": "builder", "is_read": 1},
        {"author": "builder", "recipient": "planner", "is_read": 0},
    ]


def test_the_views_know_threads_tags_groups_sessions_and_agents(talk: Team) -> None:
    assert len(rows(talk.planner, "SELECT DISTINCT thread FROM messages")) == 1
    assert rows(talk.planner, "SELECT type, value FROM tags WHERE field = 'scope' AND type = 'module' LIMIT 1") == [
        {"type": "module", "value": "auth"}
    ]
    assert rows(talk.planner, "SELECT group_name, type, value FROM group_members") == [
        {"group_name": "core", "type": "agent", "value": "builder"}
    ]
    assert rows(talk.planner, "SELECT agent FROM sessions WHERE ended_at IS NULL ORDER BY agent") == [
        {"agent": "builder"},
        {"agent": "planner"},
    ]
    assert rows(talk.planner, "SELECT address, role, own, registered FROM agents WHERE name = 'planner'") == [
        {"address": "planner", "role": "lead", "own": 1, "registered": 1}
    ]


def test_a_query_needs_no_identity(repository: Shell) -> None:
    repository.ok("init")
    assert rows(repository, "SELECT * FROM messages") == []
    assert repository.ok("query", "SELECT * FROM messages") == "No rows.\n"


@pytest.mark.parametrize("end", ["", ";", " -- all of them"])
def test_an_answer_without_rows_names_its_columns(repository: Shell, end: str) -> None:
    repository.ok("init")
    sql = f"SELECT id, author, 1 AS id FROM messages{end}"
    assert repository.json("query", sql)["columns"] == ["id", "author", "id_2"]
    assert repository.ok("query", sql, "--csv") == "id,author,id_2\n"
    assert repository.ok("query", sql, "--tsv") == "id\tauthor\tid_2\n"


def test_the_forms_hold_the_same_rows(talk: Team) -> None:
    sql = "SELECT author, content, reply_to FROM messages ORDER BY sent_at"
    expected = rows(talk.planner, sql)
    lines = talk.planner.ok("query", sql, "--nl").splitlines()
    assert [json.loads(line) for line in lines] == expected
    for flag, separator in (("--csv", ","), ("--tsv", "\t")):
        read = csv.DictReader(io.StringIO(talk.planner.ok("query", sql, flag)), delimiter=separator)
        assert list(read) == [{name: value or "" for name, value in row.items()} for row in expected]
    table = talk.planner.ok("query", "SELECT author FROM messages ORDER BY author")
    assert table.split() == ["AUTHOR", "builder", "planner", "2", "rows"]


@pytest.mark.parametrize("form", [(), ("--json",), ("--nl",), ("--csv",), ("--tsv",)], ids=" ".join)
def test_a_hostile_text_drives_no_terminal_in_any_form(team: Team, form: tuple[str, ...]) -> None:
    team.says("red \x1b[31m and \u202e back")
    out = team.planner.ok("query", "SELECT content, char(27) || '[2J' AS made FROM messages", *form)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)


REFUSED = [
    "DELETE FROM messages", "INSERT INTO agents (name) VALUES ('x')", "UPDATE messages SET content = ''",
    "DROP VIEW messages", "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "ATTACH 'other.db' AS other",
    "PRAGMA user_version", "PRAGMA main.journal_mode = DELETE", "VACUUM", "VACUUM INTO 'copy.db'",
    "SELECT load_extension('evil')", "SELECT * FROM main.messages", "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_table_info('messages')", "SELECT 1; DELETE FROM messages", "BEGIN", "REINDEX", "ANALYZE",
    "SELECT zeroblob(1000000000)", "SELECT * FROM words", "", "SELECT", "selec", "SELECT missing FROM messages",
    "WITH x AS (SELECT 1) DELETE FROM messages", "SELECT 1 /*", "EXPLAIN DELETE FROM messages", "DETACH main",
    "SAVEPOINT x", "SELECT readfile('/etc/passwd')", "SELECT * FROM dbstat", "SELECT * FROM fts5vocab",
    "SELECT * FROM sqlite_temp_master", "SELECT sql FROM sqlite_temp_schema", "SELECT name FROM temp.sqlite_schema",
]  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql or "empty")
def test_a_statement_that_is_no_query_over_the_views_is_refused(talk: Team, sql: str) -> None:
    before = rows(talk.planner, "SELECT * FROM messages")
    answer = talk.planner.thrum("query", sql, "--json")
    assert (answer.code, answer.error["code"]) == (1, "query_failed")
    assert answer.error["hint"]
    assert rows(talk.planner, "SELECT * FROM messages") == before
    assert not list(talk.planner.cwd.glob("*.db"))


def test_a_query_without_end_is_stopped(team: Team) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT"
    answer = team.planner.thrum("query", f"{endless} count(*) FROM c", "--json")
    assert answer.error["code"] == "query_too_long"
    many = team.planner.json("query", f"{endless} x FROM c")
    assert (len(many["rows"]), many["truncated"]) == (100_000, True)
    cut = team.planner.thrum("query", f"{endless} x FROM c", "--csv")
    assert (cut.code, cut.out.count("\n")) == (0, 100_001)
    assert "100,000 rows" in cut.err


def test_values_that_json_cannot_hold_are_written_as_text(team: Team) -> None:
    sql = "SELECT x'00ff' AS bytes, 9e999 AS infinite, CAST(x'ff' AS TEXT) AS broken, 1 AS twice, 2 AS twice"
    (row,) = rows(team.planner, sql)
    assert (row["bytes"], row["infinite"], row["broken"], row["twice"], row["twice_2"]) == (
        "00ff",
        "inf",
        "\ufffd",
        1,
        2,
    )


def test_the_views_are_listed_as_the_page_describes_them(team: Team) -> None:
    page = (ROOT / "docs" / "sql-views.md").read_text(encoding="utf-8")
    listed = team.planner.json("query", "--views")["views"]
    assert [view["name"] for view in listed] == re.findall(r"^### (\w+)$", page, re.MULTILINE)
    for view in listed:
        assert "Columns: " + ", ".join(f"`{column}`" for column in view["columns"]) in page


@pytest.mark.parametrize(
    "words", [("query",), ("query", "SELECT 1", "--views"), ("query", "SELECT 1", "--csv", "--tsv"), ("export",)]
)
def test_a_command_line_that_does_not_say_enough_or_too_much_is_refused(team: Team, words: tuple[str, ...]) -> None:
    assert team.planner.thrum(*words, "--json").error["code"] == "usage"


# --- export ---------------------------------------------------------------------------------------------------------


@requirement("export")
def test_the_exported_file_holds_the_views_with_keys_indices_and_search(talk: Team, tmp_path: Path) -> None:
    path = tmp_path / "talk.db"
    answer = talk.planner.json("export", "--to", str(path))
    file = Database(path)
    for view in talk.planner.json("query", "--views")["views"]:
        name = view["name"]
        expected = rows(talk.planner, f"SELECT * FROM {name}")
        assert list(map(str, file[name].rows)) == list(map(str, expected))
        assert {"name": name, "rows": len(expected)} in answer["tables"]
        assert expected, f"{name} has a row to compare"
        assert not file.table(name).use_rowid
    matches = cast(Iterable[dict[str, Any]], file.table("messages").search("token"))
    assert [row["author"] for row in matches] == ["planner"]
    assert file.table("messages").indexes
    assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_file_that_exists_is_kept_unless_its_replacement_is_asked_for(talk: Team, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine", encoding="utf-8")
    assert talk.planner.thrum("export", "--to", str(path), "--json").error["code"] == "invalid"
    assert path.read_text(encoding="utf-8") == "mine"
    talk.planner.ok("export", "--to", str(path), "--replace")
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM messages").fetchone() == (2,)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".part")] == []


@pytest.mark.parametrize("place", ["missing/folder/x.db", "."])
def test_a_place_that_cannot_hold_the_file_is_refused(team: Team, place: str) -> None:
    assert team.planner.thrum("export", "--to", place, "--json").error["code"] == "invalid"


def test_a_deleted_message_leaves_no_text_in_the_file(talk: Team, tmp_path: Path) -> None:
    (message,) = rows(talk.planner, "SELECT id FROM messages WHERE author = 'planner'")
    talk.planner.ok("message", "delete", message["id"], "--force")
    talk.planner.ok("export", "--to", str(tmp_path / "x.db"))
    assert b"token format" not in (tmp_path / "x.db").read_bytes()


def test_the_counts_of_an_export_are_in_the_right_number(repository: Shell, tmp_path: Path) -> None:
    repository.ok("init")
    repository.ok("agent", "register", "--role", "lead", "--module", "auth", "--name", "ann")
    assert repository.ok("export", "--to", str(tmp_path / "x.db")).rstrip().endswith(": 1 agent.")
