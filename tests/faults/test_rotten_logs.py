"""A flipped bit in a log is found, stops that shard with a reason, cuts nothing, and stops nobody else."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import pytest

from tests.conftest import Two
from tests.oracle import spoken
from thrum_store.errors import Corrupted, NotRegistered, StorageFailed
from thrum_store.log.segments import EventLog, Shard
from thrum_store.machine.host import REAL, Storage
from thrum_store.repository.paths import SEGMENT_COPIES, VIEW_POINTER, Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store, open_store


class FailsOnce(Storage):
    """A disk that refuses one sync of an append: its segment is left behind."""

    refused = False

    def append(self, path: str, data: bytes, end: int = -1, names: int = 0) -> None:
        super().append(path, data, end, names)
        if not self.refused:
            self.refused = True
            raise StorageFailed("injected", unsynced=True)


class Rot:
    """alice's log in two segments, the first with a line behind its end that does not count."""

    def __init__(self, repo: Paths, two_agents: Two) -> None:
        self.repo, self.two = repo, two_agents
        with open_store(repo) as store:
            self.send(store, "alice", "one")
        with open_store(repo, REAL._replace(storage=FailsOnce())) as store:
            with pytest.raises(StorageFailed):
                self.send(store, "alice", "never said")
            self.send(store, "alice", "two")
            self.send(store, "alice", "three")
            log = EventLog(repo.logs, Storage())
            self.paths = [Path(log.segment(Shard(store.own, "alice"), number)) for number in (1, 2)]
            self.bobs = Path(log.segment(Shard(store.own, "bob"), 1))
        self.whole, self.bobs_whole = [path.read_bytes() for path in self.paths], self.bobs.read_bytes()
        (self.events,) = [events for (_, name), events in spoken(repo.logs).items() if name == "alice"]

    def send(self, store: Store, name: str, content: str) -> None:
        """Send a message from alice to bob or back."""
        other = "bob" if name == "alice" else "alice"
        sending.send(store, getattr(self.two, name), SendMessage(content, to=(other,)))

    @property
    def bits(self) -> list[tuple[int, int]]:
        """Every bit that counts, as (segment, bit); what lies behind the end of the first segment does not."""
        counted = [self.counted, len(self.whole[1])]
        return [(segment, bit) for segment, length in enumerate(counted) for bit in range(8 * length)]

    @property
    def counted(self) -> int:
        """Bytes of the first segment that count."""
        return self.whole[0].index(b"never said") - len(
            self.whole[0][: self.whole[0].index(b"never said")].split(b"\n")[-1]
        )

    def flipped(self, segment: int, bit: int) -> None:
        """Flip one bit, remove the view, and check all agents."""
        rotten = bytearray(self.whole[segment])
        rotten[bit // 8] ^= 1 << (bit % 8)
        self.paths[segment].write_bytes(rotten)
        os.unlink(os.path.join(self.repo.var, VIEW_POINTER))
        with open_store(self.repo) as store:
            with pytest.raises((Corrupted, NotRegistered)):  # the latter where it was her registration
                self.send(store, "alice", "more")
            sending.send(store, self.two.bob, SendMessage("I go on"))
            assert self.shown(store) == self.before(segment, bit // 8)
            (reason,) = store.view.execute("SELECT frozen FROM shards WHERE agent = 'alice'").fetchone()
            assert reason
        assert self.paths[segment].read_bytes() == rotten
        assert not Path(self.repo.var, "torn").exists()
        self.paths[segment].write_bytes(self.whole[segment])
        self.bobs.write_bytes(self.bobs_whole)  # which would grow with every bit

    def shown(self, store: Store) -> int:
        """Return how many events of alice the view has."""
        (seq,) = store.view.execute("SELECT seq FROM shards WHERE agent = 'alice'").fetchone()
        return int(seq)

    def before(self, segment: int, byte: int) -> int:
        """Return how many events stand before the line with this byte.

        One more where it is the second header: that alone says that the last line of the first segment does not count.
        """
        first = [0, sum(event["raw"] in self.whole[0] for event in self.events)]
        lines = self.whole[segment][:byte].count(b"\n")
        return first[segment] + (lines - 1 if lines else segment)

    def healed(self) -> None:
        """Assert that with the right bytes back and a new view, alice goes on."""
        os.unlink(os.path.join(self.repo.var, VIEW_POINTER))
        with open_store(self.repo) as store:
            self.send(store, "alice", "back")


@pytest.fixture
def rot(repo: Paths, two_agents: Two) -> Rot:
    """alice's log, whole."""
    return Rot(repo, two_agents)


def test_a_flipped_bit_stops_its_shard_and_nothing_is_cut(rot: Rot) -> None:
    draw = random.Random(7)
    newlines = [(s, 8 * at + draw.randrange(8)) for s in (0, 1) for at, byte in enumerate(rot.whole[s]) if byte == 10]
    counted = set(rot.bits)
    chosen = {*draw.sample(rot.bits, 150), *newlines, *rot.bits[-24:]} & counted
    for segment, bit in sorted(chosen):
        rot.flipped(segment, bit)
    rot.healed()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_every_single_bit_of_a_log_counts(rot: Rot) -> None:
    for segment, bit in rot.bits:
        rot.flipped(segment, bit)
    rot.healed()


def test_a_bit_behind_the_end_of_a_segment_left_behind_means_nothing(rot: Rot) -> None:
    rotten = bytearray(rot.whole[0])
    rotten[rot.counted + 20] ^= 1
    rot.paths[0].write_bytes(rotten)
    rot.healed()


def test_a_log_that_became_shorter_than_what_was_read_stops_its_shard(rot: Rot) -> None:
    rot.paths[1].write_bytes(rot.whole[1][:-1])
    with open_store(rot.repo) as store:
        with pytest.raises(Corrupted, match="shorter"):
            rot.send(store, "alice", "more")
        rot.send(store, "bob", "I go on")


def test_a_log_that_disappeared_stops_its_shard(rot: Rot) -> None:
    rot.paths[1].unlink()
    shutil.rmtree(rot.repo.in_var(SEGMENT_COPIES))
    with open_store(rot.repo) as store:
        with pytest.raises(Corrupted):
            rot.send(store, "alice", "more")
        rot.send(store, "bob", "I go on")


def test_a_line_of_a_newer_format_is_never_cut(rot: Rot) -> None:
    last = rot.events[-1]
    fields: dict[str, object] = {
        "a": "alice",
        "d": {},
        "i": "evt_",
        "n": last["n"] + 1,
        "p": last["h"],
        "s": last["s"],
        "t": 0,
        "v": 2,
        "y": "x",
    }
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    own = hashlib.sha256(body).hexdigest()[:32].encode()
    at = body.rindex(b',"i":"')
    with rot.paths[1].open("ab") as file:
        file.write(body[:at] + b',"h":"' + own + b'"' + body[at:] + b"\n")
    length = rot.paths[1].stat().st_size
    with open_store(rot.repo) as store, pytest.raises(Corrupted, match="newer"):
        rot.send(store, "alice", "more")
    assert rot.paths[1].stat().st_size == length
