"""A store that an older version left in `.thrum/var` moves into git's directory, under those who use it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.shell import Shell, git
from thrum_store.machine import process
from thrum_store.machine.host import REAL
from thrum_store.repository import former_place, paths, relocation
from thrum_store.repository.paths import COMMIT_LOCK, OLDER_PROCESSES, STORE_FILE, STORE_KEY, VIEW_POINTER, Paths

Layout = Callable[[Path], Path]


def made_former(root: Path) -> Paths:
    """Put the store around `root` where older versions kept it; return its places."""
    places = paths.find(str(root))
    os.unlink(places.former_var)
    os.rename(places.var, places.former_var)
    return paths.find(str(root))


def ordinary(folder: Path) -> Path:
    root = folder / "ordinary"
    git(folder, "init", "--quiet", str(root))
    git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
    return root


def linked(folder: Path) -> Path:
    git(ordinary(folder), "worktree", "add", "--quiet", str(folder / "linked"))
    return folder / "linked"


def separate(folder: Path) -> Path:
    root = folder / "separate"
    git(folder, "init", "--quiet", f"--separate-git-dir={folder / 'elsewhere'}", str(root))
    return root


def beside_a_bare_one(folder: Path) -> Path:
    git(folder, "clone", "--quiet", "--bare", str(ordinary(folder)), str(folder / "bare.git"))
    git(folder / "bare.git", "worktree", "add", "--quiet", str(folder / "beside"))
    return folder / "beside"


def with_thrum_behind_a_link(folder: Path) -> Path:
    root = ordinary(folder)
    (folder / "other place").mkdir()
    (root / ".thrum").symlink_to(folder / "other place")
    (root / ".git" / "info" / "exclude").write_text(".thrum\n")
    return root


LAYOUTS: list[Layout] = [ordinary, linked, separate, beside_a_bare_one, with_thrum_behind_a_link]


@pytest.fixture(params=LAYOUTS, ids=lambda layout: layout.__name__)
def former(request: pytest.FixtureRequest, scratch: Path) -> Shell:
    """A worktree with two agents, an unread message, and the store where older versions kept it."""
    return left_behind(Shell(request.param(scratch)))


@pytest.fixture
def simple(scratch: Path) -> Shell:
    """As `former`, in an ordinary repository."""
    return left_behind(Shell(ordinary(scratch)))


def left_behind(shell: Shell) -> Shell:
    shell.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    shell.having(THRUM_NAME="builder").ok("agent", "register", "--name", "builder", "--role", "dev", "--module", "core")
    shell.having(THRUM_NAME="builder").ok("send", "from before", "--to", "@planner")
    made_former(shell.cwd)
    return shell.having(THRUM_NAME="planner")


def key_and_id(places: Paths) -> list[bytes]:
    return [Path(places.in_var(name)).read_bytes() for name in (STORE_KEY, STORE_FILE)]


def contents(shell: Shell) -> list[str]:
    answer = shell.thrum("inbox", "--unread", "--json")
    return [message["body"]["content"] for message in json.loads(answer.out)["messages"]]


def is_settled(root: Path) -> bool:
    """Return whether the store lies in git's directory, and `.thrum/var` leads to it."""
    places = paths.find(str(root))
    return places.initialized and not former_place.in_former_place(places) and former_place.is_linked(places)


# --- the move -------------------------------------------------------------------------------------------------------


def test_the_first_command_moves_the_store_with_its_key_and_mail(former: Shell) -> None:
    before = key_and_id(paths.find(str(former.cwd)))
    answer = former.run("inbox", "--unread")
    assert "from before" in answer.out
    assert "thrum-sync/var now" in answer.err
    assert is_settled(former.cwd)
    assert key_and_id(paths.find(str(former.cwd))) == before


@pytest.mark.parametrize("command", [["send", "x", "--to", "@builder"], ["whoami"], ["init"], ["doctor", "--fix"]])
def test_every_kind_of_command_moves_it(simple: Shell, command: list[str]) -> None:
    assert simple.thrum(*command).code == 0
    assert is_settled(simple.cwd)
    assert contents(simple) == ["from before"]


def test_doctor_says_why_a_store_stays_where_a_clean_reaches_it(simple: Shell) -> None:
    git(simple.cwd, "add", "--force", ".thrum/var/store.json")
    answer = simple.run("doctor")
    assert "which `git clean -fdx` removes: git tracks .thrum" in " ".join(answer.out.split())


def test_the_link_survives_a_move_of_the_repository(simple: Shell) -> None:
    simple.thrum("whoami")
    moved = simple.cwd.rename(simple.cwd.parent / "moved")
    assert is_settled(moved)


@pytest.mark.parametrize("step", ["linked", "moved"])
def test_a_move_that_is_killed_is_completed_by_the_next_command(simple: Shell, step: str) -> None:
    before = key_and_id(paths.find(str(simple.cwd)))
    killed(simple, f"relocation.{step}")
    assert contents(simple) == ["from before"]
    assert is_settled(simple.cwd)
    assert key_and_id(paths.find(str(simple.cwd))) == before


def killed(shell: Shell, step: str, *around: str) -> None:
    program = [*around, sys.executable, "-c", "from thrum_cli.main import run; run()", "whoami"]
    variables = {**shell.environ(), "THRUM_TESTING": "1", "THRUM_FAILPOINT": f"{step}:kill"}
    assert subprocess.run(program, cwd=shell.cwd, env=variables, capture_output=True).returncode not in (0, 1, 2)


NO_EXCHANGE = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EINVAL")


@pytest.mark.usefixtures("strace")
def test_a_file_system_without_exchange_moves_it_in_two_steps(simple: Shell) -> None:
    program = [*NO_EXCHANGE, sys.executable, "-c", "from thrum_cli.main import run; run()", "whoami"]
    subprocess.run(program, cwd=simple.cwd, env=simple.environ(), check=True, capture_output=True)
    assert is_settled(simple.cwd)
    assert contents(simple) == ["from before"]


@pytest.mark.usefixtures("strace")
def test_a_move_in_two_steps_that_is_killed_between_them_is_completed(simple: Shell) -> None:
    killed(simple, "relocation.renamed", *NO_EXCHANGE)
    assert contents(simple) == ["from before"]
    simple.ok("init")
    assert is_settled(simple.cwd)


def test_two_commands_at_once_move_it_once(simple: Shell) -> None:
    before = key_and_id(paths.find(str(simple.cwd)))
    running = [simple.start("send", f"text {number}", "--to", "@builder") for number in range(4)]
    assert [process.communicate()[0][:12] for process in running] == [b"Message sent"] * 4
    assert is_settled(simple.cwd)
    assert key_and_id(paths.find(str(simple.cwd))) == before
    assert not os.path.exists(os.path.join(paths.find(str(simple.cwd)).common, paths.STRAYS))


def test_a_half_made_directory_in_the_new_place_is_in_nobodys_way(simple: Shell) -> None:
    (simple.cwd / ".git/thrum-sync/var/locks").mkdir(parents=True)
    assert contents(simple) == ["from before"]
    assert is_settled(simple.cwd)


# --- processes of both versions -------------------------------------------------------------------------------------

_OLD_READER = """
import sqlite3, sys
view = sqlite3.connect(sys.argv[1], isolation_level=None)
view.execute("PRAGMA journal_mode = WAL")
print(view.execute("SELECT count(*) FROM messages").fetchone()[0], flush=True)
sys.stdin.readline()
print(view.execute("SELECT count(*) FROM messages").fetchone()[0], flush=True)
view.execute("UPDATE agents SET display = 'by an older version' WHERE name = 'planner'")
print("written", flush=True)
sys.stdin.readline()
"""


def test_a_view_that_is_open_under_the_old_name_is_the_same_view(simple: Shell) -> None:
    """SQLite goes by path: log and shared memory must be one for both names, while both have it open."""
    places = paths.find(str(simple.cwd))
    old_view = places.in_var(Path(places.in_var(VIEW_POINTER)).read_text().strip())
    reader = subprocess.Popen(
        [sys.executable, "-c", _OLD_READER, old_view], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    with reader:
        assert reader.stdout.readline() == "1\n"
        simple.thrum("send", "after the move", "--to", "@builder")
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "2\n"
        assert reader.stdout.readline() == "written\n"
        moved = paths.find(str(simple.cwd))
        view = sqlite3.connect(moved.in_var(Path(moved.in_var(VIEW_POINTER)).read_text().strip()))
        assert view.execute("SELECT display FROM agents WHERE name = 'planner'").fetchone() == ("by an older version",)
        assert view.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        view.close()
        reader.stdin.write("\n")


def test_a_lock_under_the_old_name_is_the_same_lock(simple: Shell) -> None:
    holder = "import fcntl,sys; f=open(sys.argv[1],'r+'); fcntl.flock(f,fcntl.LOCK_EX); print(flush=True); input()"
    places = paths.find(str(simple.cwd))
    with subprocess.Popen(
        [sys.executable, "-c", holder, os.path.join(places.former_var, COMMIT_LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as older:
        assert older.stdout is not None
        older.stdout.readline()
        moved = relocation.relocate(places)
        lock = REAL.lock(moved.in_var(COMMIT_LOCK))
        assert not lock.try_acquire()
        older.communicate("\n")
        assert lock.try_acquire()
        lock.release()


def test_the_user_is_told_which_processes_to_restart(simple: Shell) -> None:
    places = paths.find(str(simple.cwd))
    older = "import sys; f=open(sys.argv[1]); print(flush=True); input()"
    server = subprocess.Popen(
        [sys.executable, "-c", older, places.in_var(STORE_FILE), "thrum mcp serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        server.stdout.readline()
        assert f"restart what still runs an older version: {server.pid} (" in simple.run("whoami").err
        assert f"an older version still runs: {server.pid} (" in " ".join(simple.ok("doctor").split())
        server.communicate("\n")
    assert "an older version" not in simple.ok("doctor")


def test_a_process_that_took_the_number_of_an_older_one_is_not_named(simple: Shell) -> None:
    simple.thrum("whoami")
    moved = paths.find(str(simple.cwd))
    Path(moved.in_var(OLDER_PROCESSES)).write_text(json.dumps([[os.getpid(), 1.0, "thrum mcp serve"]]))
    assert relocation.older_processes(moved) == []
    assert not process.lives(process.Process(os.getpid(), 1.0, ""))


# --- where it is not moved ------------------------------------------------------------------------------------------


def test_a_store_that_git_tracks_is_not_moved(simple: Shell) -> None:
    git(simple.cwd, "add", "--force", ".thrum/var/store.json")
    assert contents(simple) == ["from before"]
    assert former_place.in_former_place(paths.find(str(simple.cwd)))


@pytest.mark.usefixtures("strace")
def test_a_store_that_cannot_be_moved_works_from_its_place(simple: Shell) -> None:
    inject = "inject=renameat2,rename:error=EXDEV"
    program = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject, "-P", str(simple.cwd / ".thrum/var"), "--"]
    program += [sys.executable, "-c", "from thrum_cli.main import run; run()", "inbox"]
    answer = subprocess.run(program, cwd=simple.cwd, env=simple.environ(), check=True, capture_output=True, text=True)
    assert "from before" in answer.stdout
    assert former_place.in_former_place(paths.find(str(simple.cwd)))
    assert contents(simple) == ["from before"]


def test_a_link_that_came_with_a_copied_directory_is_no_store(simple: Shell, scratch: Path) -> None:
    simple.thrum("whoami")
    clone = scratch / "clone"
    git(scratch, "clone", "--quiet", str(simple.cwd), str(clone))
    (clone / ".thrum").mkdir()
    (clone / ".thrum/var").symlink_to(paths.find(str(simple.cwd)).var)
    assert not paths.find(str(clone)).initialized
    simple.at(clone).ok("init")
    assert key_and_id(paths.find(str(clone))) != key_and_id(paths.find(str(simple.cwd)))
    assert is_settled(clone)


def test_a_directory_that_the_user_keeps_elsewhere_stays_there(simple: Shell, scratch: Path) -> None:
    shutil.move(simple.cwd / ".thrum/var", scratch / "fast disk")
    (simple.cwd / ".thrum/var").symlink_to(scratch / "fast disk")
    assert contents(simple) == ["from before"]
    assert is_settled(simple.cwd)
    assert os.path.samefile(paths.find(str(simple.cwd)).var, scratch / "fast disk")


def test_a_second_store_of_an_older_version_is_set_aside_with_its_keys(simple: Shell) -> None:
    simple.thrum("whoami")
    places = paths.find(str(simple.cwd))
    before = key_and_id(places)
    os.unlink(places.former_var)
    shutil.copytree(places.var, places.former_var, ignore=shutil.ignore_patterns("bells"))
    assert "set aside a .thrum/var" in simple.ok("init")
    assert is_settled(simple.cwd)
    assert key_and_id(places) == before
    (stray,) = former_place.strays(places)
    assert os.path.exists(os.path.join(stray, STORE_KEY))
    assert "made a second store" in simple.ok("doctor")


# --- hooks ----------------------------------------------------------------------------------------------------------


def test_a_silent_hook_reads_a_store_that_was_not_moved_and_moves_nothing(simple: Shell) -> None:
    simple.thrum("inbox")
    made_former(simple.cwd)
    builder = simple.having(THRUM_NAME="builder")
    assert builder.ok("hook", "prompt", "--runtime=claude", stdin=b"{}") == ""
    assert former_place.in_former_place(paths.find(str(simple.cwd)))


def test_a_hook_shows_the_mail_of_a_store_that_was_not_moved(simple: Shell) -> None:
    assert "from before" in simple.ok("hook", "prompt", "--runtime=claude", stdin=b'{"session_id": "s"}')
