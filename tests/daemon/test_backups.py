"""Scheduled backups: the daemon makes them, and the status says when the last one was and when the next one is due."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import created
from tests.cli.shell import Shell
from tests.contract.manifest import requirement

DEADLINE = 30.0


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A repository with one agent; its daemon is stopped at the end."""
    made = created(tmp_path)
    made.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    yield made
    made.run("daemon", "stop")


def state_file(shell: Shell) -> Path:
    return shell.cwd / ".git/thrum-sync/var/backup.json"


def turned_back(shell: Shell, **hours: float) -> None:
    """Let the times of the schedule lie further back."""
    fields = json.loads(state_file(shell).read_text(encoding="utf-8"))
    for name, ago in hours.items():
        fields[name] = int(fields[name] - ago * 3_600_000)
    state_file(shell).write_text(json.dumps(fields), encoding="utf-8")


def status(shell: Shell) -> dict[str, Any]:
    fields: dict[str, Any] = shell.json("backup", "status")
    return fields


def until(shell: Shell, name: str) -> dict[str, Any]:
    """Return the status as soon as it has a value under this name."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        fields = status(shell)
        if fields[name]:
            return fields
        time.sleep(0.05)
    raise AssertionError(f"no {name} within {DEADLINE} s: {shell.run('daemon', 'logs').out}")


@requirement("backup:status")
def test_the_status_before_any_backup_names_the_command_that_makes_one(shell: Shell) -> None:
    shown = shell.ok("backup", "status")
    assert "Last backup:       none; make one: thrum backup\n" in shown and "Schedule:          off" in shown
    fields = status(shell)
    assert (fields["last_backup"], fields["archives"], fields["next_at"]) == (None, [], None)


@requirement("backup:schedule", "backup:status")
def test_a_schedule_without_a_daemon_says_that_none_will_be_made(shell: Shell) -> None:
    shown = shell.ok("backup", "schedule", "24h")
    assert "every 24h, but no daemon runs" in shown and "thrum daemon start" in shown
    assert "no daemon runs" in shell.ok("backup", "status")
    assert status(shell)["next_at"] is None


@requirement("backup:schedule")
def test_the_first_backup_is_due_an_interval_from_now(shell: Shell) -> None:
    assert shell.run("daemon", "start").code == 0
    shown = shell.json("backup", "schedule", "24h")
    due = datetime.fromisoformat(shown["next_at"])
    assert timedelta(hours=23) < due - datetime.now(due.tzinfo) <= timedelta(hours=24)
    assert shell.json("backup", "schedule") == shown
    assert status(shell)["last_backup"] is None
    assert ", next 20" in shell.ok("backup", "status")


@requirement("backup:schedule")
def test_a_backup_that_fell_due_while_no_daemon_ran_is_made_at_its_start(shell: Shell, tmp_path: Path) -> None:
    shell.ok("backup", "schedule", "2h", "--dir", str(tmp_path / "b"))
    turned_back(shell, scheduled_ms=3)
    assert shell.run("daemon", "start").code == 0
    fields = until(shell, "last_backup")
    assert fields["directory"] == str(tmp_path / "b/project/current")
    due = datetime.fromisoformat(fields["next_at"]) - datetime.fromisoformat(fields["last_backup"])
    assert due == timedelta(hours=2)


@requirement("backup:schedule")
def test_a_restart_of_the_daemon_neither_repeats_nor_delays_a_backup(shell: Shell) -> None:
    shell.ok("backup", "schedule", "2h")
    shell.ok("backup")
    before = status(shell)
    assert shell.run("daemon", "start").code == 0
    assert shell.run("daemon", "restart").code == 0
    assert shell.run("daemon", "restart").code == 0
    after = status(shell)
    assert (after["last_backup"], after["archives"]) == (before["last_backup"], [])
    due = datetime.fromisoformat(after["next_at"]) - datetime.fromisoformat(after["last_backup"])
    assert due == timedelta(hours=2)


@requirement("backup:schedule")
def test_a_schedule_ends(shell: Shell) -> None:
    shell.ok("backup", "schedule", "1h")
    assert shell.ok("backup", "schedule", "off") == "Backup schedule:  off\n"
    turned_back(shell, scheduled_ms=30)
    assert shell.run("daemon", "start").code == 0
    fields = status(shell)
    assert (fields["interval"], fields["next_at"], fields["last_backup"]) == ("off", None, None)


@requirement("backup:status")
def test_a_scheduled_backup_that_fails_is_shown_until_one_succeeds(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "full").write_text("no directory", encoding="utf-8")
    config = shell.cwd / ".thrum/config.json"
    config.write_text(json.dumps({"local_only": True, "backup": {"dir": str(tmp_path / "full")}}), encoding="utf-8")
    shell.ok("backup", "schedule", "1h")
    turned_back(shell, scheduled_ms=2)
    assert shell.run("daemon", "start").code == 0
    fields = until(shell, "failure")
    assert "is not a directory" in fields["failure"] and fields["failed_at"]
    assert "is not a directory" in shell.ok("backup", "status")
    retry = datetime.fromisoformat(fields["next_at"]) - datetime.fromisoformat(fields["failed_at"])
    assert retry == timedelta(hours=1)
    (tmp_path / "full").unlink()
    shell.ok("backup")
    assert status(shell)["failure"] == ""
    assert shell.json("daemon", "status")["health"]["status"] == "ok"


@pytest.mark.parametrize("interval", ["", "0", "10s", "59s", "-1h", "often", "1h;rm", "0h", "24"])
def test_an_interval_that_is_none_is_refused(shell: Shell, interval: str) -> None:
    answer = shell.thrum("backup", "schedule", "--json", "--", interval)
    assert answer.error["code"] == "invalid"
    assert "`thrum backup schedule 24h`" in answer.error["hint"]
    assert status(shell)["interval"] == "off"


@pytest.mark.parametrize("interval", ["1m", "90m", "1h30m", "7d", "0.5h"])
def test_an_interval_is_written_as_a_duration(shell: Shell, interval: str) -> None:
    assert shell.json("backup", "schedule", interval)["interval"] == interval


def test_a_clock_that_was_set_back_does_not_end_the_schedule(shell: Shell) -> None:
    shell.ok("backup", "schedule", "1h")
    turned_back(shell, scheduled_ms=-1000, last_ms=-1000 - 500_000)
    assert shell.run("daemon", "start").code == 0
    due = datetime.fromisoformat(status(shell)["next_at"])
    assert due - datetime.now(due.tzinfo) <= timedelta(hours=1)


def test_a_schedule_in_config_json_of_the_go_program_begins_when_the_daemon_sees_it(shell: Shell) -> None:
    config = shell.cwd / ".thrum/config.json"
    config.write_text(json.dumps({"local_only": True, "backup": {"schedule": "24h"}}), encoding="utf-8")
    assert shell.run("daemon", "start").code == 0
    assert status(shell)["interval"] == "24h"
    config.write_text(json.dumps({"local_only": True, "backup": {"schedule": "whenever"}}), encoding="utf-8")
    answer = shell.thrum("backup", "status", "--json")
    assert answer.error["code"] == "invalid" and "backup.schedule" in answer.error["hint"]
