"""Heartbeats, intent and task: seen at once, kept over a rebuild, and never in the log."""

from __future__ import annotations

import pytest

from tests.places import Place, git
from thrum_store.errors import Invalid, UnknownSession
from thrum_store.service.team import agents, heartbeat, sessions
from thrum_store.service.team.agents import ListAgents
from thrum_store.service.team.heartbeat import Heartbeat
from thrum_store.service.team.roster import team
from thrum_store.service.team.sessions import EndSession, ListSessions


def log_bytes(place: Place) -> int:
    """Return the number of events in the log."""
    return sum(file.stat().st_size for file in (place.root / ".git/thrum-sync/a-sync/v1").rglob("*.jsonl"))


def test_a_heartbeat_tells_branch_commits_and_files_of_the_callers_worktree(place: Place) -> None:
    feature = place.branch_out("feature")
    builder = feature.join("builder")
    feature.write("src/auth.py", "a\nb\n")
    feature.commit("src/auth.py", message="add auth")
    feature.write("README.md", "changed\n")
    feature.write("ünder/new file.txt")
    with feature.open() as store:
        alive = heartbeat.heartbeat(store, builder, Heartbeat())
    assert alive.branch == "feature"
    assert alive.unmerged_commits == 1
    assert [(change.path, change.additions, change.status) for change in alive.file_changes] == [
        ("src/auth.py", 2, "added")
    ]
    assert alive.uncommitted_files == ("README.md", "ünder/new file.txt")


def test_a_heartbeat_leaves_the_index_as_it_was(place: Place) -> None:
    builder = place.join("builder")
    index = place.root / ".git/index"
    (place.root / "README.md").touch()
    before = index.read_bytes(), index.stat().st_mtime_ns
    with place.open() as store:
        heartbeat.heartbeat(store, builder, Heartbeat())
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_a_heartbeat_in_a_repository_without_a_commit_works(place: Place) -> None:
    builder = place.join("builder")
    git(place.root, "checkout", "--quiet", "--orphan", "fresh")
    with place.open() as store:
        alive = heartbeat.heartbeat(store, builder, Heartbeat())
    assert (alive.branch, alive.unmerged_commits) == ("fresh", 0)


def test_a_heartbeat_keeps_an_agent_active_and_silence_does_not(place: Place) -> None:
    builder = place.join("builder")
    place.watch.pass_by(minutes=9)
    with place.open() as store:
        heartbeat.heartbeat(store, builder, Heartbeat())
    place.watch.pass_by(minutes=9)
    with place.open() as store:
        assert [agent.status for agent in agents.list_agents(store, ListAgents()).agents] == ["active"]
    place.watch.pass_by(minutes=2)
    with place.open() as store:
        assert [agent.status for agent in agents.list_agents(store, ListAgents()).agents] == ["offline"]


def test_scopes_and_refs_are_added_merged_and_removed(place: Place) -> None:
    builder = place.join("builder")
    with place.open() as store:
        heartbeat.heartbeat(store, builder, Heartbeat(add_scopes=("module:auth", "module:db"), add_refs=("pr:42",)))
        alive = heartbeat.heartbeat(
            store, builder, Heartbeat(add_scopes=("module:auth",), remove_scopes=("module:db", "module:ui"))
        )
    assert (alive.scopes, alive.refs) == (("module:auth",), ("pr:42",))


def test_a_scope_that_is_none_is_refused_and_changes_nothing(place: Place) -> None:
    builder = place.join("builder")
    with place.open() as store:
        with pytest.raises(Invalid):
            heartbeat.heartbeat(store, builder, Heartbeat(add_scopes=("auth",)))
        assert heartbeat.heartbeat(store, builder, Heartbeat()).scopes == ()


def test_intent_and_task_are_shown_and_taken_back(place: Place) -> None:
    builder = place.join("builder")
    with place.open() as store:
        heartbeat.set_intent(store, builder, "Building the auth flow")
        heartbeat.set_task(store, builder, "bd-42")
        (member,) = team(store).members
        assert (member.intent, member.current_task) == ("Building the auth flow", "bd-42")
        heartbeat.set_intent(store, builder, "")
        (member,) = team(store).members
        assert (member.intent, member.current_task) == ("", "bd-42")


def test_live_values_survive_a_new_view_and_never_enter_the_log(place: Place) -> None:
    builder = place.join("builder")
    before = log_bytes(place)
    place.watch.pass_by(minutes=30)
    with place.open() as store:
        heartbeat.set_intent(store, builder, "Building")
        heartbeat.heartbeat(store, builder, Heartbeat())
        seen = team(store)
        store.rebuild()
        assert team(store) == seen
    assert [member.status for member in seen.members] == ["active"]
    assert log_bytes(place) == before


def test_what_an_agent_said_in_one_session_does_not_stand_in_the_next(place: Place) -> None:
    builder = place.join("builder")
    with place.open() as store:
        heartbeat.set_intent(store, builder, "Building")
        assert [session.intent for session in sessions.list_sessions(store, ListSessions()).sessions] == ["Building"]
        sessions.end(store, builder, EndSession())
        place.watch.pass_by(minutes=1)
        sessions.start(store, builder)
        heartbeat.heartbeat(store, builder, Heartbeat())
        assert [member.intent for member in team(store).members] == [""]
        listed = sessions.list_sessions(store, ListSessions()).sessions
    assert [session.intent for session in listed] == ["", ""]


def test_without_a_session_there_is_nothing_to_say_it_in(place: Place) -> None:
    builder = place.join("builder")
    with place.open() as store:
        sessions.end(store, builder, EndSession())
        for act in (
            lambda: heartbeat.heartbeat(store, builder, Heartbeat()),
            lambda: heartbeat.set_intent(store, builder, "x"),
            lambda: heartbeat.set_task(store, builder, "x"),
        ):
            with pytest.raises(UnknownSession):
                act()


def test_sessions_are_listed_newest_first_and_open_ones_alone(place: Place) -> None:
    builder = place.join("builder")
    place.watch.pass_by(minutes=1)
    place.join("ann", "planner")
    with place.open() as store:
        sessions.end(store, builder, EndSession(reason="crash"))
        every = sessions.list_sessions(store, ListSessions()).sessions
        open_ones = sessions.list_sessions(store, ListSessions(active=True)).sessions
        listed = sessions.list_sessions(store, ListSessions(agent="@builder")).sessions
    assert [(s.address, s.status, s.end_reason) for s in every] == [
        ("ann", "active", None),
        ("builder", "ended", "crash"),
    ]
    assert [s.address for s in open_ones] == ["ann"]
    assert [s.address for s in listed] == ["builder"]
