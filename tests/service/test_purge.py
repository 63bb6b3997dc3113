"""Purge: what it takes, what it leaves, and that nothing brings it back. Looked at on the disk, too."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.canonical import dump
from tests.contract.manifest import requirement
from tests.places import Place, cut_short, git
from thrum_store import carry_forward
from thrum_store.errors import Invalid, UnknownMessage
from thrum_store.log.events import decode
from thrum_store.log.segments import Shard, ShardPosition
from thrum_store.machine.host import Storage
from thrum_store.repository.paths import VIEW_POINTER
from thrum_store.service.messages import editing, handover, search, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.search import Search
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import agents, groups, sessions
from thrum_store.service.team.agents import ListAgents, Register
from thrum_store.service.team.groups import CreateGroup, Membership
from thrum_store.service.team.sessions import EndSession, ListSessions
from thrum_store.service.upkeep import purge
from thrum_store.service.upkeep.purge import Purge, Purged
from thrum_store.store import Store, open_store
from thrum_store.sync.cycle import synchronize
from thrum_store.values import replaced

SECRET = "xyzzy-plugh"


def run(place: Place, before: str | None = None, *, confirm: bool = True) -> Purged:
    with place.open() as store:
        return purge.purge(store, Purge(before, everything=before is None, confirm=confirm))


def texts(place: Place, name: str) -> list[str]:
    with place.open() as store:
        return [
            message.content for message in mailbox.inbox(store, place.caller(name), ReadInbox(page_size=100)).messages
        ]


def holding(place: Place, text: str) -> list[str]:
    """The files below .thrum and of the logs that hold a text anywhere."""
    roots = [place.root / ".thrum", place.root / ".git/thrum-sync"]
    files = [Path(at) / name for root in roots for at, _, names in os.walk(root) for name in names]
    regular = [file for file in files if file.is_file()]
    return [str(file) for file in regular if text.encode() in file.read_bytes()]


def log_files(place: Place, agent: str) -> list[Path]:
    (own,) = [path for path in (place.root / ".git/thrum-sync/a-sync/v1").iterdir() if path.is_dir()]
    return sorted((own / agent).glob("*.jsonl"))


@pytest.fixture
def old(place: Place) -> Place:
    """Two agents; a secret and other things were said three days ago, the rest today."""
    place.join("ann", "planner")
    bob = place.join("bob")
    for number in range(5):
        place.send("ann", f"{SECRET} {number}", "@bob")
    with place.open() as store:
        handover.acknowledge(store, bob, handover.check(store, bob, 2))
    place.watch.pass_by(days=3)
    place.send("ann", "today", "@bob")
    return place


def test_a_preview_counts_and_changes_nothing(old: Place) -> None:
    before = {file: file.read_bytes() for file in log_files(old, "ann")}
    seen = run(old, "2d", confirm=False)
    assert (seen.dry_run, seen.messages_deleted, seen.sessions_deleted) == (True, 5, 0)
    assert seen.bytes_freed > 0
    assert {file: file.read_bytes() for file in log_files(old, "ann")} == before
    assert len(texts(old, "bob")) == 6


def lines(place: Place) -> Counter[str]:
    """The events in all logs, by kind; what was said again apart."""
    files = (place.root / ".git/thrum-sync/a-sync/v1").glob("*/*/*.jsonl")
    events = [decode(line) for file in files for line in file.read_bytes().splitlines()]
    return Counter("again" if "again" in event.data else event.type for event in events if event.type != "segment")


@pytest.mark.parametrize("hours", [200, 100, 74, 73, 72, 50, 26, 1])
def test_a_preview_says_what_the_purge_then_does(old: Place, hours: int) -> None:
    ann, bob = old.caller("ann"), old.caller("bob")
    for day in range(3):
        for number in range(3):
            old.send("ann", f"day {day} " + "x" * 12_000 * number, "@bob", "@everyone")
        with old.open() as store:
            handover.acknowledge(store, bob, handover.check(store, bob, 4))
            sessions.start(store, ann)
        old.watch.pass_by(days=1)
    old.watch.pass_by(days=-3)  # a clock that goes back: the log's order counts
    old.send("ann", "once more", "@bob")
    old.watch.pass_by(days=3)
    for before in (f"{hours}h", f"{hours}h", None):
        was = lines(old)
        seen = run(old, before, confirm=False)
        assert lines(old) == was
        assert replaced(run(old, before), dry_run=True) == seen
        gone = was - lines(old)
        assert gone["message.create"] == seen.messages_deleted
        assert sum(was.values()) - sum(lines(old).values()) + lines(old)["again"] - was["again"] <= seen.events_deleted
        assert bool(seen.events_deleted) == bool(gone)


def test_a_preview_looks_only_into_the_files_in_which_it_ends(old: Place) -> None:
    for _ in range(12):
        old.send("ann", "x" * 12_000, "@bob")
    old.watch.pass_by(days=3)
    old.send("ann", "now", "@bob")
    disk = Reads()
    with open_store(old.paths, old.host._replace(storage=disk)) as store:
        disk.whole.clear()
        seen = purge.purge(store, Purge("2d"))
    assert seen.messages_deleted == 18
    assert disk.whole == {str(log_files(old, "ann")[-1])}


class Reads(Storage):
    """A disk that notes which logs are read, but for their first bytes."""

    def __init__(self) -> None:
        self.whole: set[str] = set()

    def read(self, path: str, start: int = 0, limit: int = -1) -> bytes:
        if limit < 0 and path.endswith(".jsonl"):
            self.whole.add(path)
        return super().read(path, start, limit)


@requirement("purge:files")
def test_purged_messages_are_gone_from_inbox_search_view_and_disk(old: Place) -> None:
    with old.open() as store:
        assert search.find(store, None, Search("xyzzy")).total == 5
    seen = run(old, "2d")
    assert (seen.dry_run, seen.messages_deleted) == (False, 5)
    assert texts(old, "bob") == ["today"]
    with old.open() as store:
        assert search.find(store, None, Search("xyzzy")).total == 0
        assert mailbox.inbox(store, old.caller("bob"), ReadInbox(everything=True)).total == 1
    assert holding(old, SECRET) == []


def test_purged_messages_stay_gone_after_a_rebuild_and_after_new_ones(old: Place) -> None:
    run(old, "2d")
    old.send("ann", "later", "@bob")
    with old.open() as store:
        before = dump(store.view)
        store.rebuild()
        assert dump(store.view) == before
    assert texts(old, "bob") == ["later", "today"]
    (old.root / ".thrum/var" / VIEW_POINTER).unlink()
    assert texts(old, "bob") == ["later", "today"]


def test_the_bytes_are_freed(place: Place) -> None:
    place.join("ann", "planner")
    place.join("bob")
    for _ in range(40):
        place.send("ann", "x" * 8000, "@bob")
    size = sum(file.stat().st_size for file in log_files(place, "ann"))
    seen = run(place)
    left = sum(file.stat().st_size for file in log_files(place, "ann"))
    assert size > 320_000 and left < 2_000
    assert abs(seen.bytes_freed - size) < 10_000
    assert seen.sync_message_files >= 5


def test_agents_sessions_groups_and_memberships_stay(old: Place) -> None:
    ann, bob = old.caller("ann"), old.caller("bob")
    with old.open() as store:
        made = groups.create(store, ann, CreateGroup("backend", "the backend"))
        groups.add(store, bob, Membership("backend", "agent", "bob"))
        groups.create(store, ann, CreateGroup("gone"))
        groups.delete(store, bob, "gone")
        groups.add(store, ann, Membership("backend", "role", "planner"))
        groups.remove(store, bob, Membership("backend", "role", "planner"))
        known = agents.list_agents(store, ListAgents()), groups.info(store, "backend", True), groups.list_groups(store)
        open_ones = sessions.list_sessions(store, ListSessions(active=True))
    run(old)
    with old.open() as store:
        store.rebuild()
        assert [a.address for a in agents.list_agents(store, ListAgents()).agents] == [
            a.address for a in known[0].agents
        ]
        assert [a.registered_at for a in agents.list_agents(store, ListAgents()).agents] == [
            a.registered_at for a in known[0].agents
        ]
        assert (groups.info(store, "backend", True), groups.list_groups(store)) == known[1:]
        assert groups.info(store, "backend").id == made.id
        assert sessions.list_sessions(store, ListSessions(active=True)).sessions == open_ones.sessions
        assert agents.register(store, Register("ann", "planner", "core")).status == "unchanged"
        assert sending.send(store, ann, SendMessage("hello", to=("@backend",))).resolved_to == 1
        (mine,) = [session.id for session in open_ones.sessions if session.address == "bob"]
        sessions.end(store, bob, EndSession(id=mine))


def test_the_last_registration_stays_the_last(place: Place) -> None:
    place.join("ann", "planner")
    place.watch.pass_by(days=3)
    with place.open() as store:
        agents.register(store, Register("ann", "reviewer", "core"))
    place.send("ann", "today")
    run(place, "2d")
    with place.open() as store:
        store.rebuild()
        (agent,) = agents.list_agents(store, ListAgents()).agents
    assert agent.role == "reviewer"


def test_a_purge_repeated_does_nothing_more(old: Place) -> None:
    run(old)
    before = {file: file.read_bytes() for file in log_files(old, "ann")}
    seen = run(old)
    assert (seen.messages_deleted, seen.events_deleted, seen.bytes_freed) == (0, 0, 0)
    assert {file: file.read_bytes() for file in log_files(old, "ann")} == before


def test_all_takes_what_was_said_so_far_and_nothing_of_what_comes_after(old: Place) -> None:
    assert run(old).messages_deleted == 6
    assert texts(old, "bob") == []
    old.send("ann", "new", "@bob")
    with old.open() as store:
        store.rebuild()
    assert texts(old, "bob") == ["new"]


def test_receipts_that_matter_stay(place: Place) -> None:
    """bob read a message that stays, because ann's clock was ahead when she sent it."""
    place.join("ann", "planner")
    bob = place.join("bob")
    place.watch.pass_by(days=10)
    place.send("ann", "from the future", "@bob")
    place.watch.pass_by(days=-10)
    with place.open() as store:
        handover.acknowledge(store, bob, handover.check(store, bob))
    place.watch.pass_by(days=5)
    run(place, "2d")
    with place.open() as store:
        store.rebuild()
        inbox = mailbox.inbox(store, bob, ReadInbox())
    assert [(message.content, message.is_read) for message in inbox.messages] == [("from the future", True)]


def test_who_refers_to_a_purged_message_gets_an_answer(old: Place) -> None:
    with old.open() as store:
        (*_, first) = mailbox.inbox(store, old.caller("bob"), ReadInbox()).messages
    run(old, "2d")
    with old.open() as store, pytest.raises(UnknownMessage):
        editing.get(store, first.header.id)


def test_ended_sessions_go_and_the_open_one_keeps_its_beginning(old: Place) -> None:
    ann = old.caller("ann")
    with old.open() as store:
        sessions.start(store, ann)
    old.watch.pass_by(days=3)
    assert run(old, "2d").sessions_deleted == 1
    with old.open() as store:
        listed = sessions.list_sessions(store, ListSessions(agent="ann")).sessions
    assert [session.status for session in listed] == ["active"]


def test_several_purges_in_one_segment_and_over_many_leave_what_is_newer(place: Place) -> None:
    place.join("ann", "planner")
    place.join("bob")
    for day in range(8):
        for _ in range(3):
            place.send("ann", f"day {day} " + "x" * 12_000, "@bob")
        place.watch.pass_by(days=1)
    for left in (6, 5, 3, 1):
        run(place, f"{24 * left + 12}h")
        with place.open() as store:
            store.rebuild()
        assert {text.split()[1] for text in texts(place, "bob")} == {str(day) for day in range(8 - left, 8)}


@pytest.mark.parametrize("step", ["purge.said", "purge.cut", "purge.removed"])
def test_a_purge_that_was_interrupted_loses_nothing_and_is_finished_by_the_next(old: Place, step: str) -> None:
    cut_short(old, step)
    old.send("ann", "after", "@bob")
    with old.open() as store:
        assert {agent.address for agent in agents.list_agents(store, ListAgents()).agents} == {"ann", "bob"}
        store.rebuild()
        assert bool(carry_forward.pending(store)) == (step != "purge.said")
    assert "after" in texts(old, "bob")
    if step != "purge.said":
        assert texts(old, "bob") == ["after"]
    run(old, "1h")
    assert texts(old, "bob") == ["after"] if step != "purge.said" else True
    run(old)
    with old.open() as store:
        assert carry_forward.pending(store) == []
    assert holding(old, SECRET) == []


def test_the_chain_of_a_purged_log_still_holds(old: Place) -> None:
    run(old, "2d")
    with old.open() as store:
        shard = Shard(store.own, "ann")
        read(store, shard)
        (agent_file, *_) = log_files(old, "ann")
    data = bytearray(agent_file.read_bytes())
    data[-40] ^= 1
    agent_file.write_bytes(data)
    with old.open() as store:
        store.rebuild()
        assert store.head(shard)[1]


def read(store: Store, shard: Shard) -> None:
    """Read a shard to its end."""
    head = ShardPosition()
    while True:
        reading = store.log.read(shard, head)
        assert (reading.damage, reading.torn) == ("", 0)
        if reading.head == head:
            assert head == store.head(shard)[0]
            return
        head = reading.head


@pytest.mark.parametrize(
    "request_", [Purge(), Purge("2d", everything=True), Purge("soon"), Purge("0d"), Purge("-2d"), Purge("")]
)
def test_what_to_purge_must_be_said_once_and_plainly(place: Place, request_: Purge) -> None:
    with place.open() as store, pytest.raises(Invalid):
        purge.purge(store, request_)


@requirement("purge:times")
@pytest.mark.parametrize("before", ["2d", "48h", "2026-09-23", "2026-09-23T00:00:00Z", "2026-09-23T02:00:00+02:00"])
def test_durations_dates_and_rfc_3339_are_understood(old: Place, before: str) -> None:
    assert run(old, before, confirm=False).messages_deleted == 5


def test_purged_messages_are_not_in_the_next_sync_tree(old: Place) -> None:
    for _ in range(12):
        old.send("ann", f"{SECRET} " + "x" * 12_000, "@bob")
    assert published(old, SECRET)
    run(old)
    old.send("ann", "today", "@bob")
    assert published(old, SECRET) == []
    (name,) = published(old, "today")
    assert "/ann/" in name


def published(place: Place, text: str) -> list[str]:
    """The files of the branch a-sync that hold a text, after a sync."""
    with place.open() as store:
        synchronize(store, local_only=True)
    names = git(place.root, "ls-tree", "-r", "--name-only", "a-sync").split()
    return [name for name in names if text in git(place.root, "show", f"a-sync:{name}")]
