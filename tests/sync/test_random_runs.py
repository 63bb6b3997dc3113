"""Three clones, two agents each, and everything at random: they converge, and nothing acknowledged is lost.

Beside the clones works somebody with push rights and bad manners: the branch is set back, replaced by an orphan,
emptied, filled with garbage or deleted. Some syncs are killed half-way, and the disk loses and spoils published logs.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests import oracle
from tests.sync.clones import Clone, Remote, remote_at
from thrum_store.errors import ThrumError
from thrum_store.identity import Caller
from thrum_store.service.messages import editing, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import DeleteMessage, EditMessage
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.team import groups
from thrum_store.service.team.groups import CreateGroup, Membership
from thrum_store.service.upkeep import doctor, purge
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.purge import Purge
from thrum_store.store import Store
from thrum_store.sync.admit_branch import ForeignBranch
from thrum_store.view.queries import lookup

STEPS = 18
FAILPOINTS = ("sync.fetched", "sync.written", "sync.committed", "sync.pushed", "admit.append", "commit.apply")
NIGHTLY = int(os.environ.get("THRUM_SYNC_SEEDS", "1000"))
PLACES = {"north": ("ada", "alan"), "south": ("bob", "bea"), "west": ("carl", "cleo")}


class Run:
    """One random run."""

    def __init__(self, where: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.remote: Remote = remote_at(where)
        self.clones = {name: self.remote.clone(name, *agents) for name, agents in PLACES.items()}
        self.texts: dict[str, str] = {}  # every acknowledged message and its last acknowledged text
        self.wrote: dict[str, tuple[str, str]] = {}  # message -> clone, author
        self.purged: set[str] = set()
        self.tips: list[str] = []

    def step(self) -> None:
        """Something happens."""
        doings = [self.say] * 5 + [self.edit, self.delete, self.read, self.group]
        doings += [self.sync] * 5 + [self.force_push, self.purge, self.damage]
        self.random.choice(doings)()

    def _anyone(self) -> tuple[Clone, str, Caller]:
        place = self.random.choice(list(PLACES))
        return self.clones[place], place, Caller(self.random.choice(PLACES[place]))

    def say(self) -> None:
        clone, place, caller = self._anyone()
        with clone.open() as store:
            to = self._addresses(store)
            text = f"{place} {caller.name} {len(self.wrote)}"
            done = sending.send(store, caller, SendMessage(text, to=to))
        self.texts[done.header.id] = text
        self.wrote[done.header.id] = place, caller.name

    def _addresses(self, store: Store) -> tuple[str, ...]:
        known = sorted(set(lookup.names(store.view)))
        return self.random.choice(
            [(), ("everyone",), ("worker",), tuple(self.random.sample(known, min(2, len(known))))]
        )

    def _mine(self) -> tuple[str, Clone, Caller] | None:
        if not self.texts:
            return None
        message = self.random.choice(sorted(self.texts))
        place, author = self.wrote[message]
        return message, self.clones[place], Caller(author)

    def edit(self) -> None:
        if (mine := self._mine()) and self.texts[mine[0]]:
            message, clone, caller = mine
            with clone.open() as store:
                editing.edit(store, caller, EditMessage(message, f"{self.texts[message]} edited"))
            self.texts[message] += " edited"

    def delete(self) -> None:
        if (mine := self._mine()) and self.texts[mine[0]]:
            message, clone, caller = mine
            with clone.open() as store:
                editing.delete(store, caller, DeleteMessage(message, force=True))
            self.texts[message] = ""

    def read(self) -> None:
        clone, _, caller = self._anyone()
        with clone.open() as store:
            unread = [message.header.id for message in mailbox.inbox(store, caller, mailbox.ReadInbox()).messages]
            if unread:
                editing.mark_read(store, caller, editing.MarkRead(tuple(self.random.sample(unread, 1))))

    def group(self) -> None:
        clone, _, caller = self._anyone()
        name = self.random.choice(["team", "crew"])
        with clone.open() as store:
            try:
                self.random.choice([self._create, self._add, self._remove])(store, caller, name)
            except ThrumError as error:
                assert error.code in ("group_exists", "unknown_group", "unknown_member", "conflict", "not_found")

    def _create(self, store: Store, caller: Caller, name: str) -> None:
        groups.create(store, caller, CreateGroup(name))

    def _add(self, store: Store, caller: Caller, name: str) -> None:
        groups.add(store, caller, Membership(name, "agent", caller.name))

    def _remove(self, store: Store, caller: Caller, name: str) -> None:
        groups.remove(store, caller, Membership(name, "agent", caller.name))

    def purge(self) -> None:
        """One in three: a purge makes the run shorter."""
        place = self.random.choice(list(PLACES))
        if self.random.random() < 0.6:
            return
        with self.clones[place].open() as store:
            purge.purge(store, Purge(everything=True, confirm=True))
        self.purged |= {message for message, (where, _) in self.wrote.items() if where == place}
        self.texts = {message: text for message, text in self.texts.items() if message not in self.purged}

    def synced(self, clone: Clone) -> None:
        """Sync. A clone that never saw this remote refuses a strange branch, until somebody has it deleted."""
        try:
            clone.sync()
        except ForeignBranch:
            self.remote.point("")
            clone.sync()

    def sync(self) -> None:
        clone, _, _ = self._anyone()
        if self.random.random() < 0.1:
            clone.killed_at(self.random.choice(FAILPOINTS))
        else:
            self.synced(clone)
        if self.remote.tip:
            self.tips.append(self.remote.tip)

    def damage(self) -> None:
        """Files of the logs are lost, cut or overwritten right after a sync; the doctor puts them back."""
        clone, _, _ = self._anyone()
        self.synced(clone)
        for file in sorted(clone.logs.rglob("*.jsonl")):
            fate, data = self.random.random(), file.read_bytes()
            at = self.random.randrange(len(data))
            if fate < 0.2:
                file.unlink()
            elif fate < 0.6:
                file.write_bytes(data[:at] + (self.random.randbytes(8) + data[at + 8 :] if fate < 0.4 else b""))
        doctor.examine(str(clone.root), Examine(fix=True), environ={})

    def force_push(self) -> None:
        """The branch becomes something else than what we made of it."""
        kind = self.random.choice(["older", "orphan", "empty", "garbage", "gone"])
        remote = self.remote
        if kind == "older" and self.tips:
            remote.point(self.random.choice(self.tips))
        elif kind == "orphan" and remote.tip:
            remote.point(remote.commit(f"{remote.tip}^{{tree}}"))
        elif kind == "empty":
            remote.point(remote.commit(remote.tree([])))
        elif kind == "garbage":
            junk = remote.blob(self.random.randbytes(200))
            known = list(remote.files()) if remote.tip else []
            named = self.random.sample(known, min(3, len(known)))
            remote.point(remote.commit(remote.tree([f"100644 blob {junk}\t{path}" for path in [*named, "v1/junk"]])))
        elif kind == "gone":
            remote.point("")

    def settle(self) -> None:
        """Everybody syncs until everybody had a chance to hear of everything."""
        for _ in range(2):
            for clone in self.clones.values():
                self.synced(clone)


def check(where: Path, seed: int) -> None:
    run = Run(where, seed)
    for _ in range(STEPS):
        run.step()
    run.settle()
    clones = list(run.clones.values())
    views = [clone.view() for clone in clones]
    assert views[0] == views[1] == views[2]
    for clone in clones:
        with clone.open() as store:
            assert dict(store.view.execute("SELECT id, content FROM messages")) == run.texts
            if not run.purged:
                assert oracle.shown(store.view) == oracle.world(oracle.spoken(clone.logs))
    assert not any(clone.status().frozen for clone in clones)
    tip = run.remote.tip
    assert [clone.sync().committed for clone in clones] == [False] * 3
    assert run.remote.tip == tip


@pytest.mark.parametrize("seed", range(6))
def test_three_clones_converge_and_lose_nothing(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed)


@pytest.mark.nightly
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(20))
def test_three_clones_converge_a_thousand_times(tmp_path: Path, part: int) -> None:
    for seed in range(25 + part, 25 + NIGHTLY, 20):
        where = tmp_path / str(seed)
        where.mkdir()
        check(where, seed)
