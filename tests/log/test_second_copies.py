"""Acknowledged messages survive the loss of the worktree of a-sync, and what was deleted stays deleted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Team, gathered
from tests.cli.shell import git
from thrum_store.errors import StorageFailed
from thrum_store.log.events import Draft
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import Storage
from thrum_store.repository import paths
from thrum_store.repository.paths import SEGMENT_COPIES, VIEW_POINTER, Paths

SHARD = Shard("a" * 26, "planner")


@pytest.fixture
def team(scratch: Path) -> Team:
    """Planner with a message from builder that no sync has carried."""
    team = gathered(scratch)
    team.builder.ok("send", "acknowledged", "--to", "@planner")
    return team


def places(team: Team) -> Paths:
    return paths.find(str(team.planner.cwd))


# --- accidents ------------------------------------------------------------------------------------------------------


def worktree_removed(where: Paths) -> None:
    git(Path(where.root), "worktree", "remove", "--force", "--force", where.sync)


def directory_removed(where: Paths) -> None:
    shutil.rmtree(where.sync)


def directory_removed_and_pruned(where: Paths) -> None:
    shutil.rmtree(where.sync)
    subprocess.run(["git", "worktree", "unlock", where.sync], cwd=where.root, capture_output=True)
    git(Path(where.root), "worktree", "prune")


def cleaned(where: Paths) -> None:
    git(Path(where.sync), "clean", "-ffdxq")


def reset(where: Paths) -> None:
    git(Path(where.sync), "reset", "--hard", "--quiet")
    git(Path(where.sync), "clean", "-ffdxq")


def checked_out(where: Paths) -> None:
    git(Path(where.sync), "checkout", "--force", "--quiet", "HEAD", "--", ".")
    git(Path(where.sync), "clean", "-ffdxq")


def stashed(where: Paths) -> None:
    git(Path(where.sync), "stash", "--all", "--quiet")


def all_worktrees_removed(where: Paths) -> None:
    for line in git(Path(where.root), "worktree", "list", "--porcelain").splitlines():
        place = line.removeprefix("worktree ")
        if line.startswith("worktree ") and os.path.realpath(place) != os.path.realpath(where.root):
            git(Path(where.root), "worktree", "remove", "--force", "--force", place)


ACCIDENTS = [
    worktree_removed, directory_removed, directory_removed_and_pruned, cleaned, reset, stashed, all_worktrees_removed,
]  # fmt: skip


@pytest.fixture(params=ACCIDENTS, ids=lambda action: action.__name__)
def accident(request: pytest.FixtureRequest) -> Callable[[Paths], None]:
    """A way to lose the worktree of a-sync, or what is in it."""
    action: Callable[[Paths], None] = request.param
    return action


def test_mail_is_there_and_both_can_send_after_the_accident(team: Team, accident: Callable[[Paths], None]) -> None:
    accident(places(team))
    team.planner.ok("send", "after it", "--everyone")
    assert "acknowledged" in team.planner.ok("inbox", "--unread")
    assert events(places(team)) == {"planner", "builder"}


def test_the_logs_are_whole_and_the_worktree_is_made_again(team: Team, accident: Callable[[Paths], None]) -> None:
    accident(places(team))
    team.planner.ok("doctor", "--fix")
    assert "No problems" in team.planner.ok("doctor")
    assert os.path.exists(os.path.join(places(team).sync, ".git"))
    team.planner.ok("sync", "force")


def test_a_lost_view_beside_it_loses_nothing(team: Team, accident: Callable[[Paths], None]) -> None:
    accident(places(team))
    os.unlink(places(team).in_var(VIEW_POINTER))
    assert "acknowledged" in team.planner.ok("inbox", "--unread")


def test_what_was_synced_before_and_what_was_not_both_survive_a_reset(team: Team) -> None:
    team.planner.ok("sync", "force")
    team.builder.ok("send", "beyond the sync", "--to", "@planner")
    for accident in (reset, checked_out, reset):
        accident(places(team))
        team.builder.ok("send", "one more", "--to", "@planner")
    texts = team.planner.ok("inbox", "--unread")
    assert [texts.count(text) for text in ("acknowledged", "beyond the sync", "one more")] == [1, 1, 3]
    assert "No problems" in team.planner.ok("doctor")


def events(where: Paths) -> set[str]:
    (store,) = (name for name in os.listdir(where.logs) if len(name) == 26)
    return {name for name in os.listdir(os.path.join(where.logs, store)) if "." not in name}


def test_a_process_that_is_open_during_the_removal_goes_on(team: Team) -> None:
    stopped = {**team.builder.environ(), "THRUM_TESTING": "1", "THRUM_FAILPOINT": "append.begin:stop"}
    program = [sys.executable, "-c", "from thrum_cli.main import run; run()", "send", "in between", "--to", "@planner"]
    with subprocess.Popen(program, cwd=team.builder.cwd, env=stopped, stdout=subprocess.PIPE, text=True) as sender:
        os.waitpid(sender.pid, os.WUNTRACED)
        directory_removed(places(team))
        os.kill(sender.pid, 18)
        out, _ = sender.communicate()
        assert out.startswith("Message sent") == ("in between" in team.planner.ok("inbox", "--unread"))
    assert out.startswith("Message sent")


def test_a_removal_between_the_write_and_its_acknowledgement_loses_nothing(team: Team) -> None:
    stopped = {**team.builder.environ(), "THRUM_TESTING": "1", "THRUM_FAILPOINT": "append.written:stop"}
    program = [sys.executable, "-c", "from thrum_cli.main import run; run()", "send", "in between", "--to", "@planner"]
    with subprocess.Popen(program, cwd=team.builder.cwd, env=stopped, stdout=subprocess.PIPE, text=True) as sender:
        os.waitpid(sender.pid, os.WUNTRACED)
        directory_removed(places(team))
        os.kill(sender.pid, 18)
        out, _ = sender.communicate()
    assert out.startswith("Message sent")
    assert "in between" in team.planner.ok("inbox", "--unread")
    assert "No problems" in team.planner.ok("doctor", "--fix")


# --- what was deleted -----------------------------------------------------------------------------------------------


def test_what_was_purged_before_the_first_sync_does_not_come_back(team: Team) -> None:
    where = places(team)
    team.builder.ok("send", "a secret to be purged", "--to", "@planner")
    team.planner.ok("message", "read", "--all")
    team.planner.ok("purge", "--before", "2099-01-01", "--confirm")
    directory_removed(where)
    team.planner.ok("send", "after", "--everyone")
    team.planner.ok("doctor", "--fix")
    team.planner.ok("sync", "force")
    assert holding(Path(where.common) / "thrum-sync", b"a secret to be purged") == []
    objects = git(team.planner.cwd, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
    blobs = [line.split()[1] for line in objects.splitlines() if line.startswith("blob")]
    assert not any("a secret" in git(team.planner.cwd, "cat-file", "blob", blob) for blob in blobs)


def holding(folder: Path, text: bytes) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and text in path.read_bytes()
    ]


# --- one log --------------------------------------------------------------------------------------------------------


@pytest.fixture
def log(scratch: Path) -> EventLog:
    return EventLog(str(scratch / "v1"), Storage(), str(scratch / "copies"))


def append_text(log: EventLog, head: ShardPosition, text: str) -> ShardPosition:
    return log.append(SHARD, head, [Draft("message.create", {"content": text})], 1).head


def in_log(log: EventLog) -> list[str]:
    head, texts = ShardPosition(), list[str]()
    while True:
        reading = log.read(SHARD, head)
        texts += [str(event.data["content"]) for event in reading.events]
        if reading.head == head:
            return texts
        head = reading.head


def test_a_file_that_is_shorter_than_what_was_read_is_restored_before_the_append(log: EventLog) -> None:
    first = append_text(log, ShardPosition(), "first")
    whole = append_text(log, first, "second")
    segment = Path(log.segment(SHARD, 1))
    replaced(segment, segment.read_bytes()[: first.offset])
    append_text(log, whole, "third")
    assert in_log(log) == ["first", "second", "third"]


def replaced(path: Path, data: bytes) -> None:
    """Replace a file as git does: by another one of the same name."""
    path.unlink()
    path.write_bytes(data)


def test_a_file_of_the_same_bytes_that_git_put_there_gets_its_second_name_back(log: EventLog) -> None:
    head = append_text(log, ShardPosition(), "first")
    segment = Path(log.segment(SHARD, 1))
    replaced(segment, segment.read_bytes())
    head = append_text(log, head, "second")
    segment.unlink()
    append_text(log, head, "third")
    assert in_log(log) == ["first", "second", "third"]


def test_a_copied_repository_has_copies_of_its_own(log: EventLog, scratch: Path) -> None:
    head = append_text(log, ShardPosition(), "first")
    shutil.copytree(scratch / "v1", scratch / "other/v1")
    shutil.copytree(scratch / "copies", scratch / "other/copies")
    other = EventLog(str(scratch / "other/v1"), Storage(), str(scratch / "other/copies"))
    append_text(other, head, "second")
    shutil.rmtree(scratch / "other/v1")
    assert other.second_copies.restore(os.path.dirname(other.segment(SHARD, 1)))
    assert (in_log(log), in_log(other)) == (["first"], ["first", "second"])


def test_an_acknowledged_segment_that_nobody_has_shown_yet_is_not_begun_again(log: EventLog) -> None:
    head = append_text(log, ShardPosition(), "first")
    begun = log.begin_segment(SHARD, head)
    append_text(log, begun, "second")
    os.unlink(log.segment(SHARD, 2))
    with pytest.raises(StorageFailed, match="it is back"):
        log.begin_segment(SHARD, head)
    assert in_log(log) == ["first", "second"]


@pytest.mark.usefixtures("strace")
def test_doctor_says_where_messages_exist_once(team: Team) -> None:
    shutil.rmtree(places(team).in_var(SEGMENT_COPIES))
    program = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=link,linkat:error=EPERM", "--", sys.executable]
    program += ["-c", "from thrum_cli.main import run; run()"]
    variables = team.builder.environ()
    sending = [*program, "send", "without a copy", "--to", "@planner"]
    subprocess.run(sending, cwd=team.builder.cwd, env=variables, check=True, capture_output=True)
    answer = subprocess.run([*program, "doctor"], cwd=team.builder.cwd, env=variables, capture_output=True, text=True)
    assert "messages of @builder, @planner exist once until a sync" in " ".join(answer.stdout.split())
    assert "without a copy" in team.planner.ok("inbox", "--unread")


def test_a_store_without_copies_gets_them_at_the_next_doctor(team: Team) -> None:
    shutil.rmtree(places(team).in_var(SEGMENT_COPIES))
    team.planner.ok("doctor")
    directory_removed(places(team))
    assert "acknowledged" in team.planner.ok("inbox", "--unread")
    team.builder.ok("send", "whole", "--to", "@planner")


@pytest.mark.parametrize("spoiled", ["segment", "copy"])
@pytest.mark.parametrize("at", [0, 40, -30])
def test_of_two_files_that_differ_the_readable_one_stays(log: EventLog, spoiled: str, at: int) -> None:
    head = append_text(log, append_text(log, ShardPosition(), "first"), "second")
    segment = log.segment(SHARD, 1)
    path = Path(segment if spoiled == "segment" else log.second_copies.of(segment))
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    replaced(path, bytes(data))
    log.second_copies.settle(os.path.dirname(segment))
    append_text(log, head, "third")
    assert in_log(log) == ["first", "second", "third"]
    assert log.second_copies.unsettled(SHARD.store) == []
