"""Logs that are lost or rot: what was published comes back from the branch, what was not is said to the event."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sync.clones import BRANCH, Clone, remote_at
from tests.sync.conftest import Pair
from thrum_store.errors import Corrupted, Forbidden
from thrum_store.repository.paths import SEGMENT_COPIES
from thrum_store.service.team import agents
from thrum_store.service.team.agents import Register
from thrum_store.service.upkeep import doctor, purge
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.findings import Finding
from thrum_store.service.upkeep.purge import Purge

LONG = "x" * 6000  # three of them, and a sync ends the segment


def segments(clone: Clone, agent: str, whose: Clone | None = None) -> list[Path]:
    """Take the second copies away, and return the files of an agent's log, oldest first."""
    shutil.rmtree(clone.paths.in_var(SEGMENT_COPIES), ignore_errors=True)
    return sorted((clone.logs / (whose or clone).store_id / agent).glob("*.jsonl"))


def lose_the_view(clone: Clone) -> None:
    for file in (clone.root / ".thrum" / "var").glob("current-*"):
        file.unlink()


def rot(file: Path, at: float = 0.5) -> None:
    """Flip a bit."""
    data = bytearray(file.read_bytes())
    data[int(len(data) * at)] ^= 4
    file.write_bytes(data)


def whole(clone: Clone) -> dict[str, bytes]:
    """All logs of a clone as they lie on the disk."""
    return {str(path.relative_to(clone.logs)): path.read_bytes() for path in sorted(clone.logs.rglob("*.jsonl"))}


def check(clone: Clone, *, fix: bool = False, give_up: bool = False) -> list[Finding]:
    """Return the problems that `thrum doctor` finds in the logs and the view."""
    diagnosis = doctor.examine(str(clone.root), Examine(fix, give_up=give_up), environ={})
    return [
        finding for finding in diagnosis.findings if finding.check in ("logs", "view") and finding.status == "problem"
    ]


@pytest.fixture
def talk(pair: Pair) -> Pair:
    """Two clones; alice's log has several segments, all of it published."""
    for number in range(9):
        pair.ours.send("alice", f"{number} {LONG}", "@bob")
        if number % 3 == 2:
            pair.ours.sync()
    pair.theirs.send("bob", "heard", "@alice")
    pair.theirs.sync()
    pair.ours.sync()
    pair.theirs.sync()
    assert len(segments(pair.ours, "alice")) > 2
    return pair


def first_rots(files: list[Path]) -> None:
    rot(files[0])


def last_rots(files: list[Path]) -> None:
    rot(files[-2])


def one_is_lost(files: list[Path]) -> None:
    files[1].unlink()


def all_are_lost(files: list[Path]) -> None:
    shutil.rmtree(files[0].parent)


def one_is_cut(files: list[Path]) -> None:
    os.truncate(files[-2], files[-2].stat().st_size // 2)


def one_is_emptied(files: list[Path]) -> None:
    os.truncate(files[0], 0)


def the_end_is_cut_at_a_line(files: list[Path]) -> None:
    for file in files[2:]:
        file.unlink()
    data = files[1].read_bytes()
    files[1].write_bytes(data[: data.index(b"\n", data.index(b"\n") + 1) + 1])


def one_is_overwritten(files: list[Path]) -> None:
    files[1].write_bytes(b"\0" * files[1].stat().st_size)


DAMAGES = [
    first_rots, last_rots, one_is_lost, all_are_lost, one_is_cut, one_is_emptied, the_end_is_cut_at_a_line,
    one_is_overwritten,
]  # fmt: skip


@pytest.mark.parametrize("view_lost", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_our_own_log_comes_back_and_its_agent_goes_on(
    talk: Pair, damage: Callable[[list[Path]], None], view_lost: bool
) -> None:
    before, seen = whole(talk.ours), talk.ours.view()
    damage(segments(talk.ours, "alice"))
    if view_lost:
        lose_the_view(talk.ours)
    check(talk.ours, fix=True)
    assert whole(talk.ours) == before
    assert talk.ours.view() == seen
    assert check(talk.ours) == []
    talk.ours.send("alice", "and on", "@bob")
    talk.ours.sync()
    talk.theirs.sync()
    assert "and on" in talk.theirs.contents()
    assert talk.ours.store_id == talk.ours.logs.joinpath(talk.ours.store_id).name
    assert not talk.theirs.status().frozen


@pytest.mark.parametrize("damage", DAMAGES)
def test_another_clones_log_comes_back(talk: Pair, damage: Callable[[list[Path]], None]) -> None:
    before, seen = whole(talk.theirs), talk.theirs.view()
    damage(segments(talk.theirs, "alice", talk.ours))
    lose_the_view(talk.theirs)
    talk.theirs.sync()
    assert whole(talk.theirs) == before
    assert talk.theirs.view() == seen
    assert not talk.theirs.status().frozen


@pytest.mark.parametrize("damage", [all_are_lost, one_is_lost, the_end_is_cut_at_a_line])
def test_a_sync_notices_lost_files_by_itself(talk: Pair, damage: Callable[[list[Path]], None]) -> None:
    before = whole(talk.ours)
    damage(segments(talk.ours, "alice"))
    sentences = talk.ours.sync().damaged
    assert whole(talk.ours) == before
    assert len(sentences) == 1 and "@alice" in sentences[0] and "came back from the branch" in sentences[0]
    (log,) = talk.ours.status().damaged
    assert (log.agent, log.lost_from, log.back_to is not None) == ("alice", None, True)
    assert talk.ours.sync().damaged == ()


def test_what_was_said_since_stays_behind_what_comes_back(talk: Pair) -> None:
    talk.ours.send("alice", "not published", "@bob")
    talk.ours.send("alice", "nor this", "@bob")
    before, seen = whole(talk.ours), talk.ours.view()
    for file in segments(talk.ours, "alice")[:-1]:
        rot(file)
    lose_the_view(talk.ours)
    talk.ours.sync()
    assert whole(talk.ours) == before
    assert talk.ours.view() == seen
    talk.theirs.sync()
    assert "nor this" in talk.theirs.contents()


def test_the_damaged_file_is_kept_aside(talk: Pair) -> None:
    file = segments(talk.ours, "alice")[0]
    rot(file)
    rotten = file.read_bytes()
    check(talk.ours, fix=True)
    (aside,) = (talk.ours.root / ".thrum/var/damaged").iterdir()
    assert aside.read_bytes() == rotten


def test_without_its_own_branch_a_clone_asks_the_remote(talk: Pair) -> None:
    before = whole(talk.ours)
    all_are_lost(segments(talk.ours, "alice"))
    for ref in (BRANCH, "refs/thrum/r/origin"):
        talk.ours.git("update-ref", "-d", ref)
    assert [finding.fixed for finding in check(talk.ours, fix=True)] == [True]
    assert whole(talk.ours) == before


def test_nobody_speaks_in_a_log_that_was_published_longer(talk: Pair) -> None:
    the_end_is_cut_at_a_line(segments(talk.ours, "alice"))
    lose_the_view(talk.ours)
    with pytest.raises(Corrupted, match="were published"):
        talk.ours.send("alice", "too early", "@bob")
    all_are_lost(segments(talk.ours, "albert"))
    lose_the_view(talk.ours)
    with talk.ours.open() as store, pytest.raises(Corrupted, match="were published"):
        agents.register(store, Register("albert", "worker", "core"))
    talk.ours.sync()
    talk.ours.send("alice", "now", "@bob")
    assert "now" in talk.ours.contents() and "too early" not in talk.ours.contents()


@pytest.mark.parametrize("step", ["restore.replaced", "rebuild.filled"])
def test_killed_half_way_the_next_sync_finishes(talk: Pair, step: str) -> None:
    before, seen = whole(talk.ours), talk.ours.view()
    all_are_lost(segments(talk.ours, "alice"))
    lose_the_view(talk.ours)
    talk.ours.killed_at(step)
    talk.ours.sync()
    assert whole(talk.ours) == before
    assert talk.ours.view() == seen


def test_rotten_bytes_are_never_published(talk: Pair) -> None:
    talk.ours.send("alice", "short", "@bob")
    talk.ours.sync()
    rot(segments(talk.ours, "alice")[-1])
    talk.ours.send("alice", "said after it had rotted", "@bob")
    for clone in (talk.ours, talk.theirs, talk.ours, talk.theirs):
        clone.sync()
    assert not talk.theirs.status().frozen
    assert "said after it had rotted" in talk.theirs.contents()
    assert talk.ours.view() == talk.theirs.view()


def test_a_forged_branch_gives_nothing_back(talk: Pair) -> None:
    files = segments(talk.ours, "alice")
    path = f"v1/{files[0].relative_to(talk.ours.logs)}"
    forged = files[0].read_bytes().replace(b"0 xx", b"0 yy")
    all_are_lost(files)
    for ref in (BRANCH, "refs/thrum/r/origin"):
        talk.ours.git("update-ref", "-d", ref)
    talk.remote.plant({path: forged})
    talk.remote.point(talk.remote.commit(f"{talk.remote.tip}^{{tree}}"))  # what is true of it is in no commit behind
    talk.ours.sync()
    assert not segments(talk.ours, "alice")
    (log,) = talk.ours.status().damaged
    assert log.agent == "alice" and log.lost_from == 1
    with pytest.raises(Forbidden, match="were published"):
        check(talk.ours, give_up=True)


# beyond what was published


@pytest.fixture
def ahead(talk: Pair) -> Pair:
    """alice said three things since the last sync."""
    for text in ("one", "two", "three"):
        talk.ours.send("alice", text, "@bob")
    return talk


def last_event(clone: Clone, agent: str) -> int:
    line = segments(clone, agent)[-1].read_bytes().rstrip(b"\n").rpartition(b"\n")[2]
    return int(json.loads(line)["n"])


def unpublished(clone: Clone, agent: str, text: str) -> int:
    """The event that says `text`."""
    for file in segments(clone, agent):
        for line in file.read_bytes().split(b"\n"):
            if b'"content":"%b"' % text.encode() in line:
                return int(json.loads(line)["n"])
    raise AssertionError(text)


def damage_line(clone: Clone, agent: str, text: str) -> None:
    file = segments(clone, agent)[-1]
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"content":"%b"' % text.encode(), b'"content":"%b"' % text[::-1].encode()))


def test_a_line_that_rots_before_it_was_published_is_told_to_the_event(ahead: Pair) -> None:
    first, last = unpublished(ahead.ours, "alice", "two"), last_event(ahead.ours, "alice")
    damage_line(ahead.ours, "alice", "two")
    lose_the_view(ahead.ours)
    rotten = whole(ahead.ours)
    ahead.ours.sync()
    (log,) = ahead.ours.status().damaged
    assert (log.lost_from, log.lost_to, log.back_from) == (first, last, None)
    assert {"one"} <= ahead.ours.contents() and not {"two", "three"} & ahead.ours.contents()
    findings = check(ahead.ours, fix=True)
    assert any(
        f"events {first} to {last} cannot be read" in finding.message and not finding.fixed for finding in findings
    )
    assert whole(ahead.ours) == rotten
    with pytest.raises(Corrupted):
        ahead.ours.send("alice", "more", "@bob")
    (lost,) = (ahead.ours.root / ".thrum/var/lost").iterdir()
    assert b'"content":"three"' in lost.read_bytes()


def test_once_it_is_known_nobody_speaks_behind_what_cannot_be_read(ahead: Pair) -> None:
    damage_line(ahead.ours, "alice", "two")  # the view has read past it
    check(ahead.ours, fix=True)
    with pytest.raises(Corrupted):
        ahead.ours.send("alice", "behind it", "@bob")
    assert {"one", "two", "three"} <= ahead.ours.contents()


def test_a_sync_that_finds_rot_in_what_it_would_publish_stops_that_log(ahead: Pair) -> None:
    damage_line(ahead.ours, "alice", "two")
    for _ in range(2):
        ahead.ours.sync()
    (log,) = ahead.ours.status().damaged
    assert log.lost_from == unpublished(ahead.ours, "alice", "three") - 1
    with pytest.raises(Corrupted):
        ahead.ours.send("alice", "behind it", "@bob")
    ahead.theirs.sync()
    assert not ahead.theirs.status().frozen
    refused = ahead.ours.status().refused
    assert not ahead.ours.sync().damaged and ahead.ours.status().refused == refused


def test_a_log_that_lost_its_unpublished_end_gets_the_rest_and_tells(ahead: Pair) -> None:
    first, last = unpublished(ahead.ours, "alice", "one"), last_event(ahead.ours, "alice")
    all_are_lost(segments(ahead.ours, "alice"))
    sentences = ahead.ours.sync().damaged
    assert (
        f"events {first} to {last} cannot be read" in sentences[0]
        and f"events 1 to {first - 1} came back" in sentences[0]
    )
    assert {"one", "two", "three"} <= ahead.ours.contents()  # the view knows them still
    (lost,) = (ahead.ours.root / ".thrum/var/lost").iterdir()
    assert [json.loads(line)["content"] for line in lost.read_text().splitlines()] == ["one", "two", "three"]
    with pytest.raises(Corrupted):
        ahead.ours.send("alice", "more", "@bob")


@pytest.mark.parametrize("how", ["rotten", "lost"])
def test_given_up_its_agent_goes_on_and_the_others_hear_it(ahead: Pair, how: str) -> None:
    if how == "rotten":
        damage_line(ahead.ours, "alice", "two")
        lose_the_view(ahead.ours)
    else:
        all_are_lost(segments(ahead.ours, "alice"))
    assert all(finding.fixed for finding in check(ahead.ours, give_up=True) if finding.check == "logs")
    assert check(ahead.ours) == []
    ahead.ours.send("alice", "and on", "@bob")
    ahead.ours.sync()
    ahead.theirs.sync()
    assert "and on" in ahead.theirs.contents() and "three" not in ahead.theirs.contents()
    assert ahead.ours.view() == ahead.theirs.view()
    assert (ahead.ours.root / ".thrum/var/lost").is_dir()


def test_a_file_from_a_backup_is_read_again(ahead: Pair) -> None:
    file = segments(ahead.ours, "alice")[-1]
    good = file.read_bytes()
    damage_line(ahead.ours, "alice", "two")
    lose_the_view(ahead.ours)
    ahead.ours.sync()
    file.write_bytes(good)
    check(ahead.ours, fix=True)
    assert check(ahead.ours) == []
    assert {"one", "two", "three"} <= ahead.ours.contents()


# at random


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with logs of its own and another's, all of it published, in several segments."""
    remote = remote_at(tmp_path_factory.mktemp("settled"))
    ours, theirs = remote.clone("here", "alice", "albert"), remote.clone("there", "bob")
    for number in range(8):
        ours.send("alice", f"{number} {LONG}", "@albert")
        ours.send("albert", f"{number}", "@alice")
        theirs.send("bob", f"{number} {LONG[:3000]}")
        ours.sync()
        theirs.sync()
    ours.sync()
    return ours


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder for the copies of each example."""
    yield tmp_path_factory.mktemp("examples")


def spoiled(data: bytes, draw: random.Random) -> bytes:
    """A file's content after some accident."""
    at, more = draw.randrange(len(data) + 1), draw.randint(1, 400)
    flipped = bytes([data[at] ^ 1 << draw.randrange(8)]) if at < len(data) else b""
    return draw.choice(
        [
            data[:at],
            data[:at] + draw.randbytes(more) + data[at:],
            data[:at] + b"\0" * len(data[at:]),
            data[:at] + data[at + more :],
            data[:at] + flipped + data[at + 1 :],
        ]
    )


def spoil(clone: Clone, draw: random.Random) -> None:
    """One to four accidents to any files of any logs."""
    for _ in range(draw.randint(1, 4)):
        files = sorted(clone.logs.rglob("*.jsonl"))
        kind = draw.choice(["file", "log", *["content"] * 5])
        if files and kind == "log":
            shutil.rmtree(draw.choice(files).parent)
        elif files and kind == "file":
            draw.choice(files).unlink()
        elif files:
            file = draw.choice(files)
            file.write_bytes(spoiled(file.read_bytes(), draw))


@settings(max_examples=int(os.environ.get("THRUM_EXAMPLES", "20")), deadline=None)
@given(seed=st.integers(0, 1 << 32), view_lost=st.booleans())
def test_whatever_happens_to_published_logs_the_same_bytes_come_back(
    settled: Clone, places: Path, seed: int, view_lost: bool
) -> None:
    clone = Clone(places / "here")
    shutil.rmtree(clone.root, ignore_errors=True)
    shutil.copytree(settled.root, clone.root, symlinks=True)
    before, seen = whole(clone), clone.view()
    spoil(clone, random.Random(seed))
    if view_lost:
        lose_the_view(clone)
    check(clone, fix=True)
    assert whole(clone) == before
    assert clone.view() == seen
    assert check(clone) == []


@pytest.mark.parametrize("view_lost", [False, True])
def test_what_the_tips_have_lost_comes_back_from_an_older_commit(talk: Pair, view_lost: bool) -> None:
    """Both branches were set back by a commit on top of them, and then the log itself was lost."""
    before, seen = whole(talk.ours), talk.ours.view()
    states = talk.ours.git("rev-list", BRANCH, "--", f"v1/{talk.ours.store_id}/alice").split("\n")
    shortened = talk.ours.git("commit-tree", f"{states[-1]}^{{tree}}", "-p", talk.remote.tip, "-m", "set back")
    talk.ours.git("update-ref", BRANCH, shortened)
    talk.ours.git("push", "--quiet", "origin", f"{shortened}:{BRANCH}")
    shutil.rmtree(segments(talk.ours, "alice")[0].parent)
    if view_lost:
        lose_the_view(talk.ours)
    assert any("The branch has" in finding.message for finding in check(talk.ours))
    check(talk.ours, fix=True)
    assert whole(talk.ours) == before
    assert talk.ours.view() == seen
    talk.ours.sync()
    talk.theirs.sync()
    assert check(talk.theirs) == [] and not talk.theirs.status().damaged
    assert {path for path in talk.remote.files() if "/alice/" in path} >= {
        f"v1/{talk.ours.store_id}/alice/{file.name}" for file in segments(talk.ours, "alice")
    }


def test_what_was_purged_is_not_fetched_out_of_an_older_commit(talk: Pair) -> None:
    with talk.ours.open() as store:
        purge.purge(store, Purge(everything=True, confirm=True))
    talk.ours.sync()
    after = whole(talk.ours)
    shutil.rmtree(segments(talk.ours, "alice")[0].parent)
    check(talk.ours, fix=True)
    assert whole(talk.ours) == after
    assert not any(LONG in content for content in talk.ours.contents())


@pytest.mark.parametrize("how", ["blocked", "untrusted"])
def test_a_log_of_a_store_that_is_not_heard_is_not_mended_with_what_it_says_since(talk: Pair, how: str) -> None:
    """The doctor says whose it is, and what to do for who wants it all the same."""
    if how == "blocked":
        talk.ours.git("config", "--local", "--add", "thrum.blockedStore", talk.theirs.store_id)
    else:
        talk.ours.git("config", "--local", "thrum.trust", "none")
    all_are_lost(segments(talk.ours, "bob", talk.theirs))
    talk.theirs.send("bob", "never heard here", "@alice")
    talk.theirs.sync()
    talk.ours.sync()
    for fix in (False, True):
        finding = next(listed for listed in check(talk.ours, fix=fix) if listed.check == "logs")
        assert talk.theirs.store_id in (finding.hint or "") and not finding.fixed
    assert not segments(talk.ours, "bob", talk.theirs)
    talk.ours.git("config", "--local", "--remove-section", "thrum")
    check(talk.ours, fix=True)
    talk.ours.sync()
    assert "never heard here" in talk.ours.contents()
