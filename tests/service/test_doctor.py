"""doctor: each thing that can be wrong is found, told with what mends it, and mended where that is safe."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.manifest import requirement
from tests.places import Place, cut_short, git
from thrum_store.service.team import agents
from thrum_store.service.team.agents import ListAgents, Register
from thrum_store.service.upkeep import purge
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.doctor import Diagnosis, examine
from thrum_store.service.upkeep.findings import Finding
from thrum_store.service.upkeep.purge import Purge


def look(place: Place, *, fix: bool = False, deep: bool = False, **environ: str) -> Diagnosis:
    return examine(str(place.root), Examine(fix, deep), environ=environ, host=place.host)


def problems(diagnosis: Diagnosis) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.status == "problem"]


@pytest.fixture
def talk(place: Place) -> Place:
    """A store in which something was said."""
    place.join("ann", "planner")
    place.join("bob")
    place.send("ann", "hello", "@bob")
    return place


def log_of(place: Place, agent: str) -> Path:
    (file,) = (place.root / ".git/thrum-sync/a-sync/v1").glob(f"*/{agent}/*.jsonl")
    return file


def test_nothing_is_wrong_with_a_store_in_use(talk: Place) -> None:
    diagnosis = look(talk, THRUM_NAME="ann")
    assert (diagnosis.problems, problems(diagnosis)) == (0, [])
    assert {finding.check for finding in diagnosis.findings} >= {
        "layout",
        "git",
        "permissions",
        "keys",
        "identity",
        "logs",
        "view",
    }


def test_the_events_and_the_logs_are_counted(place: Place) -> None:
    for name, counted in (("ann", "1 event in 1 log"), ("bob", "2 events in 2 logs")):
        with place.open() as store:
            agents.register(store, Register(name, "planner", "core"))
        assert message_of(look(place), "logs") == f"{counted}, every one of them whole"


def test_a_repository_without_a_store_is_told_how_to_get_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (finding,) = examine(str(tmp_path)).findings
    assert (finding.status, finding.hint) == ("problem", "run `thrum init` there")


def lose_directories(place: Place) -> None:
    shutil.rmtree(place.root / ".thrum/var/bells")
    shutil.rmtree(place.root / ".thrum/var/locks")


def lose_the_worktree(place: Place) -> None:
    (place.root / ".git/thrum-sync/a-sync/.git").unlink()


def lose_the_branch(place: Place) -> None:
    git(place.root, "update-ref", "-d", "refs/heads/a-sync")


def forget_to_ignore(place: Place) -> None:
    (place.root / ".gitignore").write_text("")
    (place.root / ".git/info/exclude").write_text("")


def open_the_doors(place: Place) -> None:
    (place.root / ".thrum/var").chmod(0o755)
    (place.root / ".thrum/var/keys/store.key").chmod(0o644)


def leave_a_lock(place: Place) -> None:
    lock = place.root / ".git/refs/heads/a-sync.lock"
    lock.write_text("")
    os.utime(lock, (0, 0))


def break_the_view(place: Place) -> None:
    (view,) = (place.root / ".thrum/var").glob("p-v*.db")
    data = bytearray(view.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    view.write_bytes(data)


def interrupt_a_purge(place: Place) -> None:
    for _ in range(12):
        place.send("ann", "x" * 10_000, "@bob")
    cut_short(place, "purge.cut")


@requirement("doctor")
@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lose_directories, "layout"),
        (lose_the_worktree, "git"),
        (lose_the_branch, "git"),
        (forget_to_ignore, "git"),
        (open_the_doors, "permissions"),
        (leave_a_lock, "locks"),
        (break_the_view, "view"),
        (interrupt_a_purge, "purge"),
    ],
)
def test_what_is_wrong_is_found_and_mended(talk: Place, spoil: Callable[[Place], None], check: str) -> None:
    spoil(talk)
    findings = problems(look(talk))
    assert {finding.check for finding in findings} == {check}
    assert all(finding.hint and not finding.fixed for finding in findings)
    if check != "view":  # to look into a broken view is to mend it
        assert problems(look(talk)) == findings
    mended = look(talk, fix=True)
    assert mended.problems == 0
    assert problems(look(talk)) == []


def test_a_log_that_rotted_is_named_and_left_alone(talk: Place) -> None:
    file = log_of(talk, "ann")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    diagnosis = look(talk, fix=True)
    assert any(finding.check == "logs" and "ann" in finding.message for finding in problems(diagnosis))
    assert diagnosis.problems > 0
    assert file.read_bytes() == bytes(data)


@pytest.fixture
def large(talk: Place) -> list[Path]:
    """The segments of a log of more than a megabyte."""
    for _ in range(12):
        talk.send("ann", "x" * 100_000, "@bob")
    shutil.rmtree(talk.root / ".git/thrum-sync/var/segments")  # or what is missing comes back before doctor looks
    return sorted((talk.root / ".git/thrum-sync/a-sync/v1").glob("*/ann/*.jsonl"))


def test_large_logs_are_read_line_by_line_where_that_is_asked_for(talk: Place, large: list[Path]) -> None:
    assert "deep" in message_of(look(talk), "logs") and "every one of them whole" in message_of(
        look(talk, deep=True), "logs"
    )
    data = bytearray(large[3].read_bytes())
    data[len(data) // 2] ^= 1
    large[3].write_bytes(data)
    assert problems(look(talk)) == []
    (finding,) = problems(look(talk, deep=True))
    assert finding.check == "logs" and "ann after event" in finding.message


def message_of(diagnosis: Diagnosis, check: str) -> str:
    """Return the message of a check's first finding."""
    return next(finding.message for finding in diagnosis.findings if finding.check == check)


def shorten(files: list[Path]) -> None:
    files[3].write_bytes(files[3].read_bytes()[:-1])


def remove(files: list[Path]) -> None:
    files[3].unlink()


def exchange(files: list[Path]) -> None:
    files[3].write_bytes(files[4].read_bytes())


def behead(files: list[Path]) -> None:
    files[0].unlink()


@pytest.mark.parametrize("spoil", [shorten, remove, exchange, behead])
def test_what_is_missing_of_large_logs_is_found_without_reading_them(
    talk: Place, large: list[Path], spoil: Callable[[list[Path]], None]
) -> None:
    spoil(large)
    for deep in (False, True):
        assert any(finding.check == "logs" and "ann" in finding.message for finding in problems(look(talk, deep=deep)))


def test_the_end_of_large_logs_is_always_looked_at(talk: Place, large: list[Path]) -> None:
    large[-1].write_bytes(large[-1].read_bytes()[:-1])
    assert {finding.check for finding in problems(look(talk))} == {"logs", "view"}


def test_a_log_that_was_only_begun_is_none(talk: Place, large: list[Path]) -> None:
    (large[0].parent.parent / "eve").mkdir()
    assert problems(look(talk)) == [] and problems(look(talk, deep=True)) == []


def test_purged_large_logs_fit(talk: Place, large: list[Path]) -> None:
    talk.watch.pass_by(days=3)
    for _ in range(12):
        talk.send("ann", "y" * 100_000, "@bob")
    with talk.open() as store:
        purge.purge(store, Purge("2d", confirm=True))
    assert not large[0].exists()
    assert "deep" in message_of(look(talk), "logs") and problems(look(talk)) == []


def test_a_log_that_came_back_is_read_again(talk: Place) -> None:
    file = log_of(talk, "bob")
    good = file.read_bytes()
    file.write_bytes(good[:300] + b"#" + good[301:])
    with talk.open() as store:
        store.rebuild()
    file.write_bytes(good)
    assert "view" in {finding.check for finding in problems(look(talk))}
    look(talk, fix=True)
    assert problems(look(talk)) == []
    with talk.open() as store:
        assert len(agents.list_agents(store, ListAgents()).agents) == 2


def test_lost_or_foreign_keys_are_told_and_never_made_anew(talk: Place) -> None:
    key = talk.root / ".thrum/var/keys/store.key"
    good = key.read_text()
    for spoiled in ("", "zz", "00" * 32):
        key.write_text(spoiled)
        assert {finding.check for finding in problems(look(talk, fix=True))} == {"keys"}
    key.unlink()
    assert {finding.check for finding in problems(look(talk, fix=True))} == {"keys"}
    key.write_text(good)
    key.chmod(0o600)
    assert problems(look(talk)) == []


def test_identities_that_fit_nobody_are_told(talk: Place) -> None:
    (talk.root / ".thrum/identities/eve.json").write_text("{}")
    (talk.root / ".thrum/identities/bad.json").write_text("not json")
    messages = " ".join(finding.message for finding in problems(look(talk, THRUM_NAME="mallory")))
    assert "eve" in messages and "bad.json" in messages and "mallory" in messages


def test_several_identities_are_worth_a_note(talk: Place) -> None:
    notes = [finding for finding in look(talk).findings if finding.status == "note"]
    assert any("ann, bob" in finding.message and "THRUM_NAME" in (finding.hint or "") for finding in notes)


def test_a_redirect_to_somewhere_else_is_a_problem(talk: Place) -> None:
    other = talk.branch_out("feature")
    for place in ("/nowhere", "/usr"):  # a store that is not there, and a directory that is another one's
        (other.root / ".thrum/redirect").write_text(f"{place}\n")
        (finding,) = problems(look(other))
        assert (finding.check, place in finding.message) == ("redirect", True)
        assert [finding.fixed for finding in look(other, fix=True).findings if finding.check == "redirect"] == [True]
        assert (other.root / ".thrum/redirect").read_text() == f"{talk.root}/.thrum\n"
        assert problems(look(other)) == []


def test_tracked_private_files_are_a_problem_that_only_a_person_mends(talk: Place) -> None:
    git(talk.root, "add", "--force", ".thrum/identities/ann.json")
    diagnosis = look(talk, fix=True)
    assert any("git rm -r --cached .thrum" in (finding.hint or "") for finding in problems(diagnosis))


def test_a_lock_that_somebody_holds_is_named_with_its_holder(talk: Place) -> None:
    path = talk.root / ".thrum/var/commit.lock"
    code = (
        "import sys; from thrum_store.machine.host import REAL; lock = REAL.lock(sys.argv[1]); lock.acquire();"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        from thrum_store.service.upkeep.check_repository import around

        findings = [locked.finding for locked in around(talk.paths, talk.host, {}) if locked.finding.check == "locks"]
        holder.communicate("")
    assert any(f"process {holder.pid}" in finding.message for finding in findings)
