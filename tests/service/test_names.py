"""Agents, sessions and groups: one name space, one worktree for a name, no cycles."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Two
from thrum_store.errors import (
    GroupCycle,
    GroupExists,
    Invalid,
    NameTaken,
    ProtectedGroup,
    UnknownGroup,
    UnknownMember,
    UnknownSession,
    WorktreeMismatch,
)
from thrum_store.identity import RESERVED, Caller, is_name
from thrum_store.log.events import Draft
from thrum_store.repository.paths import Paths
from thrum_store.service.messages import sending, waiting
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents, groups, sessions, whoami
from thrum_store.service.team.agents import ListAgents, Register
from thrum_store.service.team.groups import CreateGroup, Membership
from thrum_store.service.team.sessions import EndSession
from thrum_store.store import Store, open_store

# --- agents ---------------------------------------------------------------------------------------------------------

BAD_NAMES = ["../x", "-rf", "a\n", "x" * 65, "A", "٣", "a b", "a/b", ".", "con", "nul", *sorted(RESERVED)]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_cannot_be_one_is_refused_for_agents_roles_modules_and_groups(
    store: Store, two_agents: Two, name: str
) -> None:
    free = [] if is_name(name) else [Register("new", "role", name)]  # no module is reserved
    for request in (Register(name, "role", "module"), Register("new", name, "module"), *free):
        with pytest.raises(Invalid):
            agents.register(store, request)
    with pytest.raises((Invalid, GroupExists)):
        groups.create(store, two_agents.alice, CreateGroup(name))
    assert agents.list_agents(store, ListAgents()).count == 2


@pytest.mark.parametrize("name", ["a", "0", "a-b_c", "x" * 64])
def test_other_names_are_fine(store: Store, name: str) -> None:
    assert agents.register(store, Register(name, "role", "module")).status == "registered"


def test_who_registers_again_the_same_way_changes_nothing(store: Store, two_agents: Two) -> None:
    again = Register("alice", "planner", "auth")
    assert agents.register(store, again).status == "unchanged"
    assert agents.register(store, Register("alice", "planner", "ui")).status == "updated"
    assert agents.list_agents(store, ListAgents(module="ui")).agents[0].address == "alice"


def test_a_role_and_a_module_may_be_anybodys(store: Store, two_agents: Two) -> None:
    assert agents.register(store, Register("amy", "planner", "auth")).status == "registered"


def test_one_who_brings_no_name_gets_one(store: Store) -> None:
    assert agents.register(store, Register(None, "planner", "auth")).address == "planner-auth"
    assert agents.register(store, Register(None, "planner", "auth")).address == "planner-auth"


def test_agents_roles_and_groups_share_one_name_space(store: Store, two_agents: Two) -> None:
    groups.create(store, two_agents.alice, CreateGroup("team"))
    for name, role in (("reviewer", "x"), ("x", "bob"), ("team", "x"), ("x", "team")):
        with pytest.raises(NameTaken):
            agents.register(store, Register(name, role, "auth"))
    for name in ("bob", "@bob", "reviewer"):
        with pytest.raises(NameTaken):
            groups.create(store, two_agents.alice, CreateGroup(name))
    with pytest.raises(Invalid):
        agents.register(store, Register("same", "same", "auth"))


def test_a_name_of_another_worktree_is_taken_over_by_force_only(repo: Paths, store: Store, two_agents: Two) -> None:
    feature = repo._replace(git_dir=os.path.join(repo.common, "worktrees", "feature"))
    with open_store(feature) as repository:
        with pytest.raises(WorktreeMismatch):
            agents.register(repository, Register("alice", "planner", "auth"))
        assert agents.register(repository, Register("alice", "planner", "auth", force=True)).status == "updated"
        sending.send(repository, Caller("alice", worktree="feature"), SendMessage("text", to=("bob",)))
    with pytest.raises(WorktreeMismatch):
        sending.send(store, two_agents.alice, SendMessage("text", to=("bob",)))


def test_registering_writes_the_identity_file_of_this_worktree(repo: Paths, store: Store, two_agents: Two) -> None:
    fields = json.loads(Path(repo.identities, "alice.json").read_text())
    assert (fields["agent"]["name"], fields["agent"]["role"], fields["worktree"]) == ("alice", "planner", "main")


def test_whoami_tells_a_stranger_that_nobody_registered_it(store: Store, two_agents: Two) -> None:
    assert whoami.whoami(store, two_agents.alice).registered
    assert not whoami.whoami(store, Caller("nobody")).registered


def test_one_who_waits_is_shown_as_waiting(store: Store, two_agents: Two) -> None:
    sessions.start(store, two_agents.bob)
    with waiting.Watch(store, two_agents.bob, waiting.WaitFor()):
        shown = {agent.address: agent.waiting for agent in agents.list_agents(store, ListAgents()).agents}
    assert shown == {"alice": False, "bob": True}


def test_an_agent_is_active_while_its_session_is_open(store: Store, two_agents: Two) -> None:
    sessions.start(store, two_agents.bob)
    active = agents.list_agents(store, ListAgents(include_offline=False))
    assert [agent.address for agent in active.agents] == ["bob"]
    sessions.end(store, two_agents.bob, EndSession())
    assert agents.list_agents(store, ListAgents(include_offline=False)).count == 0


# --- sessions -------------------------------------------------------------------------------------------------------


def test_a_session_that_was_left_open_ends_when_the_next_one_starts(store: Store, two_agents: Two) -> None:
    first = sessions.start(store, two_agents.alice).id
    second = sessions.start(store, two_agents.alice).id
    rows = store.view.execute("SELECT id, reason FROM sessions ORDER BY seq").fetchall()
    assert rows == [(first, "crash_recovered"), (second, None)]
    assert whoami.whoami(store, two_agents.alice).session == second


def test_a_session_ends_once(store: Store, two_agents: Two) -> None:
    session = sessions.start(store, two_agents.alice).id
    ended = sessions.end(store, two_agents.alice, EndSession(reason="crash"))
    assert (ended.id, ended.duration_ms >= 0) == (session, True)
    for wanted in (None, session):
        with pytest.raises(UnknownSession):
            sessions.end(store, two_agents.alice, EndSession(wanted))


def test_nobody_ends_a_session_of_another(store: Store, two_agents: Two) -> None:
    session = sessions.start(store, two_agents.alice).id
    with pytest.raises(UnknownSession):
        sessions.end(store, two_agents.bob, EndSession(session))
    with pytest.raises(Invalid):
        sessions.end(store, two_agents.alice, EndSession(reason="bored"))


# --- groups ---------------------------------------------------------------------------------------------------------


def make(store: Store, two: Two, *names: str) -> None:
    """Groups of alice."""
    for name in names:
        groups.create(store, two.alice, CreateGroup(name))


def test_a_group_is_made_once_and_gone_after_its_deletion(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "team")
    with pytest.raises(GroupExists):
        make(store, two_agents, "@team")
    groups.delete(store, two_agents.bob, "team")
    with pytest.raises(UnknownGroup):
        groups.info(store, "team")
    make(store, two_agents, "team")
    assert groups.info(store, "team").members == ()


def test_members_are_added_and_removed_once(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "team")
    member = Membership("@team", "agent", "@bob")
    assert [groups.add(store, two_agents.alice, member).status for _ in range(2)] == ["added", "unchanged"]
    assert [(m.member_type, m.member_value) for m in groups.members(store, "team").members] == [("agent", "bob")]
    assert groups.remove(store, two_agents.bob, member).status == "removed"
    with pytest.raises(UnknownMember):
        groups.remove(store, two_agents.bob, member)


@pytest.mark.parametrize(("kind", "value"), [("agent", "nobody"), ("role", "nothing"), ("group", "none")])
def test_what_does_not_exist_becomes_no_member(store: Store, two_agents: Two, kind: str, value: str) -> None:
    make(store, two_agents, "team")
    with pytest.raises(UnknownMember):
        groups.add(store, two_agents.alice, Membership("team", kind, value))


def test_a_member_of_another_type_is_refused(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "team")
    with pytest.raises(Invalid):
        groups.add(store, two_agents.alice, Membership("team", "planet", "mars"))
    with pytest.raises(UnknownGroup):
        groups.add(store, two_agents.alice, Membership("none", "agent", "bob"))


def test_a_cycle_is_refused_however_long(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "a", "b", "c")
    groups.add(store, two_agents.alice, Membership("a", "group", "b"))
    groups.add(store, two_agents.alice, Membership("b", "group", "c"))
    for group, member in (("a", "a"), ("b", "a"), ("c", "a")):
        with pytest.raises(GroupCycle):
            groups.add(store, two_agents.alice, Membership(group, "group", member))


def test_a_cycle_that_two_machines_made_together_is_harmless(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "a", "b")
    groups.add(store, two_agents.alice, Membership("a", "group", "b"))
    groups.add(store, two_agents.alice, Membership("a", "agent", "bob"))
    with store.writing("bob") as shard:
        data = {"group": "b", "member_type": "group", "member_value": "a"}
        shard.append(Draft("group.member.add", data))
    assert groups.info(store, "b", expand=True).expanded == ("bob",)
    assert sending.send(store, two_agents.alice, SendMessage("text", to=("b",))).resolved_to == 1


def test_a_nested_group_that_was_deleted_holds_nobody(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "outer", "inner")
    groups.add(store, two_agents.alice, Membership("inner", "agent", "bob"))
    groups.add(store, two_agents.alice, Membership("outer", "group", "inner"))
    assert groups.members(store, "outer", expand=True).expanded == ("bob",)
    groups.delete(store, two_agents.alice, "inner")
    assert groups.members(store, "outer", expand=True).expanded == ()


def test_everyone_is_built_in_and_cannot_be_changed(store: Store, two_agents: Two) -> None:
    info = groups.info(store, "@everyone", expand=True)
    assert info.expanded == ("alice", "bob")
    assert groups.list_groups(store).groups[0].member_count == 2
    for change in (groups.add, groups.remove):
        with pytest.raises(ProtectedGroup):
            change(store, two_agents.alice, Membership("everyone", "agent", "bob"))
    with pytest.raises(ProtectedGroup):
        groups.delete(store, two_agents.alice, "everyone")
    with pytest.raises(GroupExists):
        make(store, two_agents, "everyone")


def test_groups_are_listed_by_name_with_their_sizes(store: Store, two_agents: Two) -> None:
    make(store, two_agents, "zeta", "alpha")
    groups.add(store, two_agents.alice, Membership("zeta", "agent", "bob"))
    listed = [(group.name, group.member_count) for group in groups.list_groups(store).groups]
    assert listed == [("everyone", 2), ("alpha", 0), ("zeta", 1)]
