"""team, ping, who-has and work contexts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.places import Place
from thrum_store.errors import Invalid, NotFound
from thrum_store.service.messages import handover
from thrum_store.service.team import heartbeat, sessions, work
from thrum_store.service.team.groups import CreateGroup, Membership, add, create
from thrum_store.service.team.heartbeat import Heartbeat
from thrum_store.service.team.roster import ping, team
from thrum_store.service.team.sessions import EndSession
from thrum_store.service.team.work import WantContexts


def test_the_team_shows_who_is_active_and_counts_who_is_not(place: Place) -> None:
    place.join("ann", "planner")
    place.watch.pass_by(minutes=30)
    place.join("builder")
    with place.open() as store:
        active, everybody = team(store), team(store, True)
    assert ([m.address for m in active.members], active.offline) == (["builder"], 1)
    assert [(m.address, m.status) for m in everybody.members] == [("builder", "active"), ("ann", "offline")]


def test_the_team_shows_the_branch_of_a_worktree_before_any_heartbeat(place: Place) -> None:
    place.branch_out("feature").join("builder")
    with place.open() as store:
        assert [member.branch for member in team(store).members] == ["feature"]


def test_the_teams_mailboxes_agree_with_what_was_sent_and_read(place: Place) -> None:
    place.join("ann", "planner")
    builder = place.join("builder")
    place.send("ann", "one", "@builder")
    place.send("ann", "two")
    with place.open() as store:
        handover.acknowledge(store, builder, handover.check(store, builder, 1))
        by_name = {member.address: member for member in team(store).members}
    assert (by_name["builder"].inbox_total, by_name["builder"].inbox_unread) == (2, 1)
    assert (by_name["ann"].inbox_total, by_name["ann"].inbox_unread) == (0, 0)


def test_the_team_counts_what_went_to_everyone_and_to_each_group(place: Place) -> None:
    ann = place.join("ann", "planner")
    place.join("builder")
    with place.open() as store:
        create(store, ann, CreateGroup("backend"))
        add(store, ann, Membership("backend", "agent", "builder"))
    place.send("ann", "to all")
    place.send("ann", "to some", "@backend")
    with place.open() as store:
        shared = team(store).shared_messages
    assert shared.broadcast_total == 1
    assert [(group.name, group.total) for group in shared.groups] == [("backend", 1)]


def test_ping_finds_an_agent_by_name_or_role_with_or_without_the_sign(place: Place) -> None:
    place.join("ann", "planner")
    builder = place.join("builder")
    with place.open() as store:
        heartbeat.set_intent(store, builder, "Building")
        for address in ("builder", "@builder", "implementer", "@implementer"):
            pinged = ping(store, address)
            assert (pinged.address, pinged.status, pinged.intent) == ("builder", "active", "Building")
        sessions.end(store, builder, EndSession())
        assert ping(store, "builder").status == "offline"
        with pytest.raises(NotFound, match="nobody-here"):
            ping(store, "@nobody-here")


@pytest.mark.parametrize("spelling", ["src/auth.py", "./src/auth.py", "auth.py", "src/../src/auth.py", "src", "src/"])
def test_who_has_finds_a_file_in_any_spelling(place: Place, spelling: str) -> None:
    feature = place.branch_out("feature")
    feature.join("builder")
    feature.write("src/auth.py")
    with place.open() as store:
        holders = work.who_has(store, spelling, str(place.root))
    assert [(context.address, context.branch, context.uncommitted_files) for context in holders.contexts] == [
        ("builder", "feature", ("src/auth.py",))
    ]


def test_who_has_takes_absolute_paths_and_paths_from_a_subdirectory(place: Place) -> None:
    feature = place.branch_out("feature")
    feature.join("builder")
    path = feature.write("src/auth.py")
    place.write("src/other.py")
    with place.open() as store:
        for spelling, stands in (
            (str(path), place.root),
            ("auth.py", feature.root / "src"),
            ("../src/auth.py", place.root / "src"),
        ):
            assert [context.address for context in work.who_has(store, spelling, str(stands)).contexts] == ["builder"]


def test_who_has_needs_no_heartbeat_and_forgets_what_was_undone(place: Place) -> None:
    place.join("builder")
    path = place.write("README.md", "changed\n")
    with place.open() as store:
        assert [context.address for context in work.who_has(store, "README.md").contexts] == ["builder"]
        path.write_text("x\n", encoding="utf-8")
        assert work.who_has(store, "README.md").contexts == ()


def test_who_has_shows_committed_work_that_is_not_merged(place: Place) -> None:
    feature = place.branch_out("feature")
    feature.join("builder")
    feature.write("auth.py")
    feature.commit("auth.py")
    with place.open() as store:
        (context,) = work.who_has(store, "auth.py").contexts
    assert [change.path for change in context.file_changes] == ["auth.py"]
    assert context.uncommitted_files == ()


def test_who_has_does_not_mistake_a_longer_name_or_a_wildcard(place: Place) -> None:
    place.join("builder")
    place.write("my_auth.py")
    place.write("authXpy")
    with place.open() as store:
        assert work.who_has(store, "auth.py").contexts == ()
        assert work.who_has(store, "auth_py").contexts == ()
        with pytest.raises(Invalid):
            work.who_has(store, " ")


def test_of_two_agents_in_one_worktree_the_one_in_a_session_has_the_file(place: Place) -> None:
    place.join("ann", "planner")
    place.watch.pass_by(minutes=1)
    place.join("builder")
    place.write("auth.py")
    with place.open() as store:
        sessions.end(store, place.caller("ann"), EndSession())
        assert [context.address for context in work.who_has(store, "auth.py").contexts] == ["builder"]
        sessions.end(store, place.caller("builder"), EndSession())
        assert [(context.address, context.status) for context in work.who_has(store, "auth.py").contexts] == [
            ("builder", "offline")
        ]


def test_work_contexts_are_found_by_name_role_branch_and_file(place: Place) -> None:
    feature = place.branch_out("feature")
    builder = feature.join("builder")
    place.join("ann", "planner")
    feature.write("src/auth.py")
    with feature.open() as store:
        heartbeat.heartbeat(store, builder, Heartbeat())

    def names(**wanted: str) -> list[str]:
        with place.open() as store:
            return [context.address for context in work.contexts(store, WantContexts(**wanted)).contexts]

    assert sorted(names()) == ["ann", "builder"]
    assert names(agent="builder") == names(agent="@implementer") == ["builder"]
    assert names(branch="feature") == names(file="auth.py", directory=str(Path("/"))) == ["builder"]
    with pytest.raises(NotFound):
        names(agent="nobody")
