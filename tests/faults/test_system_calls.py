"""One send, ended or refused at each of its system calls: nothing acknowledged is missing, and the next send is right.

strace stops a real process at the n-th call of a kind after it began its job, for n = 1 … until it gets through.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.oracle import spoken
from thrum_store.identity import Caller
from thrum_store.log.segments import SEGMENT_LIMIT, EventLog, Shard
from thrum_store.machine.host import Storage
from thrum_store.repository.paths import VIEW_POINTER, Paths
from thrum_store.service.messages import sending
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import open_store

from .crowd import Speaker, agree, nothing_lost, register
from .speaker import BEGIN

CALLS = (
    "openat", "flock", "write", "pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "mkdir", "unlink",
)  # fmt: skip
REFUSABLE = tuple(call for call in CALLS if call != "openat")  # Python opens modules too, and cannot do without
pytestmark = pytest.mark.usefixtures("strace")
MOST = 400


@pytest.mark.parametrize("call", CALLS)
def test_a_send_killed_at_any_system_call_loses_nothing(repo: Paths, call: str) -> None:
    Send(repo).at_each(call, "signal=SIGKILL")


@pytest.mark.parametrize("call", ("fsync", "ftruncate", "rename", "mkdir", "unlink"))
def test_a_send_that_first_rebuilds_and_repairs_may_be_killed_at_any_of_these_calls(repo: Paths, call: str) -> None:
    HardSend(repo).at_each(call, "signal=SIGKILL")


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("call", ("openat", "flock", "write", "pwrite64", "fdatasync"))
def test_a_send_that_first_rebuilds_and_repairs_may_be_killed_at_any_other_call(repo: Paths, call: str) -> None:
    HardSend(repo).at_each(call, "signal=SIGKILL")


@pytest.mark.parametrize("error", ("EIO", "ENOSPC"))
@pytest.mark.parametrize("call", REFUSABLE)
def test_a_send_whose_system_call_is_refused_is_said_whole_or_not_at_all(repo: Paths, call: str, error: str) -> None:
    Send(repo).at_each(call, f"error={error}")


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("error", ("EIO", "ENOSPC"))
@pytest.mark.parametrize("call", REFUSABLE)
def test_a_repair_whose_system_call_is_refused_changes_nothing_for_good(repo: Paths, call: str, error: str) -> None:
    HardSend(repo).at_each(call, f"error={error}")


def test_a_failed_sync_of_the_log_leaves_its_segment_behind(repo: Paths) -> None:
    send = Send(repo)
    log = EventLog(repo.logs, Storage())
    segments = [log.segment(send.shard, number) for number in (1, 2)]
    before = os.path.getsize(segments[0])
    assert send.once("fdatasync", "error=EIO", 1).heard[0]["error"] == "storage_failed"
    assert os.path.exists(segments[1])
    left = os.path.getsize(segments[0])
    assert left > before  # nobody knows what the disk holds of it, so nobody reads it and nobody adds to it
    send.check()
    assert os.path.getsize(segments[0]) == left
    assert len(spoken(repo.logs)[send.shard]) == 2  # the registration, and the send after


class Send:
    """A send by alice in a process of its own, again and again, with something wrong each time."""

    def __init__(self, repo: Paths) -> None:
        self.repo = repo
        _, self.bob = register(repo, ["alice", "bob"])
        with open_store(repo) as store:
            self.shard = Shard(store.own, "alice")
        self.acknowledged: list[str] = []

    def prepare(self) -> None:
        """The step that precedes each send."""

    def at_each(self, call: str, fault: str) -> None:
        """Let `fault` happen at the first, second, … `call`, until the send makes no more of them."""
        self.calls_before(call)
        for count in range(1, MOST):
            self.prepare()
            speaker = self.once(call, fault, count)
            survived = speaker.process.returncode == 0
            if fault.startswith("error") and not survived:
                assert [sorted(answer) for answer in speaker.heard] in ([["error", "message"]], [])
            if self.untouched:
                assert survived
                return
            self.check()
        raise AssertionError(f"{MOST} times {call} in one send")

    def once(self, call: str, fault: str, count: int) -> Speaker:
        """Send once, with `fault` at the `count`-th `call` of its job."""
        trace = Path(self.repo.root) / "trace"
        first = self.calls_before(call) + count
        inject = (
            "strace",
            "-f",
            "-qq",
            "-o",
            str(trace),
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:{fault}:when={first}",
        )
        speaker = Speaker(self.repo, "alice", "send", "bob", before=inject)
        speaker.wait()
        lines = trace.read_text().splitlines()
        self.untouched = not any("(INJECTED)" in line or "killed by SIGKILL" in line for line in lines)
        self.acknowledged += [answer["id"] for answer in speaker.heard if "id" in answer]
        if not lines_of_answer(lines) and speaker.complaints:
            raise AssertionError(speaker.complaints)
        return speaker

    def calls_before(self, call: str) -> int:
        """Return how many of these calls Python makes before the job begins; the same each time."""
        if call not in self._before:
            trace = Path(self.repo.root) / "trace"
            command = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={call},openat")
            for _ in range(2):  # the first run may still have to write compiled modules
                Speaker(self.repo, "bob", "send", "alice", before=command).wait()
            lines = trace.read_text().split(BEGIN)[0].splitlines()
            self._before[call] = sum(f" {call}(" in line for line in lines)
        return self._before[call]

    _before: dict[str, int] = {}

    def check(self) -> None:
        """Assert that nothing acknowledged is missing, nothing is half there, and the next sends of both work."""
        with open_store(self.repo) as store:
            for caller, to in ((Caller("alice", worktree="main"), "bob"), (self.bob, "alice")):
                sent = sending.send(store, caller, SendMessage("next", to=(to,)))
                assert sent.warnings == ()
                if caller.name == "alice":
                    self.acknowledged.append(sent.header.id)
            agree(store)
        nothing_lost(spoken(self.repo.logs), "alice", self.acknowledged)


def lines_of_answer(lines: list[str]) -> bool:
    """Return whether the refused call was the speaker's own answer to us, which the store has no part in."""
    return any("(INJECTED)" in line and " write(1, " in f" {line}" for line in lines)


class HardSend(Send):
    """A send that finds its view gone, a torn tail in its log, and its segment full: each time in the same store, which
    would otherwise have a segment more to open each time, and never be through."""

    def __init__(self, repo: Paths) -> None:
        super().__init__(repo)
        log = EventLog(repo.logs, Storage())
        with open_store(repo) as store:
            head, _ = store.head(self.shard)
            filler = SendMessage("x" * (SEGMENT_LIMIT - head.offset + 1), to=("bob",))
            self.before = sending.send(store, Caller("alice", worktree="main"), filler).header.id
            head, _ = store.head(self.shard)
        with open(log.segment(self.shard, head.segment), "ab") as file:
            file.write(b'{"a":"alice","d":{"con')
        os.unlink(os.path.join(repo.var, VIEW_POINTER))
        self.kept = Path(repo.root) / "kept"
        for place in (repo.var, repo.logs):
            shutil.copytree(place, self.kept / os.path.basename(place))

    def prepare(self) -> None:
        for place in (self.repo.var, self.repo.logs):
            shutil.rmtree(place)
            shutil.copytree(self.kept / os.path.basename(place), place)
        self.acknowledged = [self.before]
