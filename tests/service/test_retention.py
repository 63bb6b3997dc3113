"""retention.days: the end of a session purges what is older."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.places import Place
from thrum_store.repository.paths import SYNC_LOCK
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.team import sessions
from thrum_store.service.team.sessions import EndSession, SessionEnded

THRUM = str(Path(sys.executable).with_name("thrum"))


def setting(place: Place, days: object) -> None:
    Path(place.paths.config).write_text(json.dumps({"retention": {"days": days}}))


def ended(place: Place, name: str = "ann") -> SessionEnded:
    with place.open() as store:
        return sessions.end(store, place.caller(name), EndSession())


def texts(place: Place) -> list[str]:
    with place.open() as store:
        return [message.content for message in mailbox.inbox(store, place.caller("bob"), ReadInbox()).messages]


def thrum(place: Place, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("THRUM_")}
    return subprocess.run(
        [THRUM, *arguments], cwd=place.root, capture_output=True, text=True, check=False, input=stdin,
        env={**variables, "THRUM_NAME": "ann"},
    )  # fmt: skip


@pytest.fixture
def old(place: Place) -> Place:
    """Messages of ten days ago and of today, by the real clock."""
    place.watch.ms = int(time.time() * 1000)
    place.watch.pass_by(days=-10)
    place.join("ann", "planner")
    place.join("bob")
    place.send("ann", "ten days ago", "@bob")
    place.watch.pass_by(days=10)
    place.send("ann", "today", "@bob")
    return place


def test_it_is_off_by_default(old: Place) -> None:
    assert ended(old).retention is None
    assert texts(old) == ["today", "ten days ago"]


@pytest.mark.parametrize(("days", "left"), [(7, ["today"]), (30, ["today", "ten days ago"]), (0, None)])
def test_the_end_of_a_session_purges_what_is_older(old: Place, days: int, left: list[str] | None) -> None:
    setting(old, days)
    result = ended(old).retention
    assert (result is None) == (left is None)
    assert texts(old) == (left or ["today", "ten days ago"])
    if result is not None and left is not None:
        assert (result.days, result.messages, result.problem) == (days, 2 - len(left), "")


def test_the_command_says_what_it_purged(old: Place) -> None:
    assert thrum(old, "config", "set", "retention.days", "7").returncode == 0
    done = thrum(old, "session", "end")
    assert "Purged 1 message older than 7 days (retention.days)." in done.stdout, done
    assert texts(old) == ["today"]
    shown: dict[str, Any] = json.loads(thrum(old, "config", "show", "--json").stdout)
    assert shown["retention"]["days"] == {"value": 7, "source": "config.json"}


def test_the_end_of_a_clients_session_purges_too(old: Place) -> None:
    setting(old, 7)
    call = json.dumps({"session_id": "s1"})
    assert thrum(old, "hook", "session-start", "--runtime", "claude", stdin=call).returncode == 0
    done = thrum(old, "hook", "session-end", "--runtime", "claude", stdin=call)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert texts(old) == ["today"]


def test_open_sessions_and_agents_stay(old: Place) -> None:
    setting(old, 1)
    ended(old)
    with old.open() as store:
        listed = sessions.list_sessions(store, sessions.ListSessions(active=True)).sessions
    assert [session.address for session in listed] == ["bob"]


@pytest.mark.parametrize("value", [-1, "7", True, 1.5, [7]])
def test_a_setting_that_is_no_number_of_days_ends_the_session_all_the_same(old: Place, value: object) -> None:
    setting(old, value)
    result = ended(old).retention
    assert result is not None and "retention.days" in result.problem
    assert texts(old) == ["today", "ten days ago"]
    setting(old, 7)
    with old.open() as store:
        assert not sessions.list_sessions(store, sessions.ListSessions(agent="ann", active=True)).sessions


def test_a_sync_that_runs_is_not_waited_for(old: Place) -> None:
    setting(old, 7)
    with old.host.lock(old.paths.in_var(SYNC_LOCK)):
        done = thrum(old, "session", "end")
        assert done.returncode == 0 and "a sync runs" in done.stdout, done
    assert texts(old) == ["today", "ten days ago"]
