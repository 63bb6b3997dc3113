"""Surroundings in which thrum may only read, or may not do as usual: a sentence for each, and reading goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT
from tests.users import SOMEBODY, as_root, run_as
from thrum_store.machine.host import Bell, ring

NO_MOUNTS = "this process may not mount: what a read-only file system does was NOT tested"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that every user may enter, with a repository in which alice wrote to bob."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "THRUM_"))]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        root.chmod(0o755)
        (root / "repo").mkdir()
        yield root


def settle(place: Path, user: int = 0) -> None:
    """Make the store and its two agents, as a user."""
    for path in (place, place / "repo"):
        os.chown(path, user, user)
    joining = [f"thrum quickstart --name {name} --role r --module m" for name in ("alice", "bob")]
    for line in ("git init -q -b main .", "git commit -q --allow-empty -m begin", "thrum init", *joining):
        words = line.split()
        done = by(place, words[3] if "quickstart" in words else "alice", *words, user=user)
        assert done.returncode == 0, done
    assert by(place, "alice", "thrum", "send", "the first", "--to", "@bob", user=user).returncode == 0


def by(place: Path, agent: str, *line: str, user: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as an agent of a user."""
    identity = {f"GIT_{person}_{field}": "t@t" for person in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    environment = {"THRUM_NAME": agent, **identity, **variables}
    if user:
        return run_as(user, place / "repo", *line, environ=environment)
    return subprocess.run(
        [SCRIPT if line[0] == "thrum" else line[0], *line[1:]], cwd=place / "repo", capture_output=True, text=True,
        env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def read_only(place: Path, *lines: str) -> list[str]:
    """Run lines where the whole place is mounted read-only; return the output of each."""
    mark = "==next=="
    script = f'mount --bind "{place}" "{place}" && mount -o remount,ro,bind "{place}" && cd "{place}/repo" || exit 99\n'
    script += f'echo "{mark}"\n'.join(f"{line} 2>&1\n" for line in lines)
    environment = {**os.environ, "THRUM_NAME": "bob", "PATH": f"{Path(SCRIPT).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(NO_MOUNTS)
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout.split(mark)


READS = (
    "thrum inbox", "thrum whoami", "thrum team", "thrum search first", "thrum status", "thrum wait --timeout 0s",
    "echo '{}' | thrum hook prompt --runtime claude", "thrum who-has README.md", "thrum doctor", "thrum message list",
)  # fmt: skip


@as_root
@pytest.mark.parametrize("state", ["open", "closed", "behind", "no view", "garbage", "rotten -shm", "rotten -wal"])
def test_a_read_only_store_can_be_read(place: Path, state: str) -> None:
    settle(place)
    _bring_into(state, place)
    answers = dict(zip(READS, read_only(place, *READS), strict=True))
    expected = "the second" if state == "behind" else "the first"
    assert expected in answers["thrum inbox"], answers
    assert "the first" in answers["thrum search first"]
    assert "Agent ID:  @bob" in answers["thrum whoami"]
    assert "@alice" in answers["thrum team"]
    assert "the first" in answers[READS[6]]
    assert "may read the store and cannot write" in " ".join(answers["thrum doctor"].split())
    for line, answer in answers.items():
        assert "the disk failed" not in answer and "damaged" not in answer.replace("is damaged", "") and answer, line


@as_root
def test_a_store_on_a_disk_that_became_read_only_is_saved_to_another_one(place: Path, tmp_path: Path) -> None:
    settle(place)
    elsewhere = tmp_path / "rescue"
    lines = (f"thrum backup --dir {elsewhere}", f"thrum backup status --dir {elsewhere}", "thrum backup")
    saved, shown, refused = read_only(place, *lines)
    assert saved.startswith(f"Backup complete: {elsewhere}/repo/current\n") and "Warning" not in saved, saved
    assert "Last backup:       20" in shown
    assert "read-only" in refused
    subprocess.run(["rm", "-r", *map(str, (place / "repo/.git/thrum-sync").glob("*"))], check=True)
    assert by(place, "bob", "thrum", "init").returncode == 0
    done = by(place, "bob", "thrum", "backup", "restore", str(elsewhere), "--yes")
    assert "came back" in done.stdout, done
    assert "the first" in by(place, "bob", "thrum", "search", "first").stdout


def _bring_into(state: str, place: Path) -> None:
    """Leave the view as a process left it: open, closed, behind the logs, missing, or overwritten."""
    views = list(Path(os.path.realpath(place / "repo" / ".thrum" / "var")).glob("p-v4.*"))
    kept = {path: path.read_bytes() for path in views}
    if state.startswith("rotten"):  # SQLite itself would wait for ten seconds at each opening
        for path in views:
            if path.name.endswith(state.removeprefix("rotten ")):
                path.write_bytes(os.urandom(32768))
        return
    if state == "closed":
        _checkpoint(next(path for path in views if path.suffix == ".db"))
        return
    if state == "behind":
        by(place, "alice", "thrum", "send", "the second", "--to", "@bob")
    for path in views if state != "open" else ():
        path.unlink()
        if state == "behind" or (state == "garbage" and path.suffix == ".db"):
            path.write_bytes(kept[path] if state == "behind" else b"garbage" * 1000)


def _checkpoint(view: Path) -> None:
    """Open and close it: the last close of all writes the log back, and removes it."""
    connection = sqlite3.connect(view)
    connection.execute("SELECT count(*) FROM messages").fetchone()
    connection.close()


@as_root
def test_a_read_only_store_says_so_to_a_writer_and_loses_nothing(place: Path) -> None:
    settle(place)
    refused, as_json, waited = read_only(
        place, "thrum send no --to @alice", "thrum send no --to @alice --json", "thrum wait --timeout 1200ms"
    )
    assert "the file system is read-only here" in refused and "send_message" in refused
    assert json.loads(as_json)["error"]["code"] == "read_only"
    assert "No message" in waited or "1 message" in waited
    assert by(place, "bob", "thrum", "send", "yes", "--to", "@alice").returncode == 0
    assert by(place, "alice", "thrum", "inbox").stdout.count("to @alice") == 1


@as_root
def test_a_wait_in_a_read_only_store_sees_what_another_process_sends(place: Path) -> None:
    settle(place)
    assert by(place, "bob", "thrum", "message", "read", "--all").returncode == 0
    script = (
        f'mkfifo "{place}/go"; (read _ < "{place}/go"; cd "{place}/repo"; '
        f"THRUM_NAME=alice {SCRIPT} send later --to @bob) & unshare"
        f' -m bash -c \'mount --bind "{place}" "{place}" && mount -o remount,ro,bind "{place}" ||'
        f' exit 99; cd "{place}/repo"; {SCRIPT} wait --timeout 30s & echo go > "{place}/go"; wait $!\''
    )
    environment = {**os.environ, "THRUM_NAME": "bob"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 99:
        pytest.skip(NO_MOUNTS)
    assert "1 message" in done.stdout or "2 messages" in done.stdout, done


def test_where_no_fifo_can_be_made_a_waiter_looks_once_a_second(tmp_path: Path) -> None:
    (tmp_path / "bells").write_text("a file stands in the place of the directory", encoding="utf-8")
    with Bell(str(tmp_path / "bells"), "bob") as bell:
        ring(str(tmp_path / "bells"), ["bob"])  # nobody can, and that is no error
        bell.drain()
        bell.notify_self()
        assert os.read(bell.fd, 10) == b"!"


@as_root
def test_a_log_that_another_user_owns_is_left_out_and_stops_nobody(place: Path) -> None:
    settle(place, SOMEBODY)
    (log,) = (place / "repo" / ".git" / "thrum-sync" / "a-sync" / "v1").glob("*/alice")
    for path in (log, *log.iterdir()):
        os.chown(path, 0, 0)
    inbox = by(place, "bob", "thrum", "inbox", user=SOMEBODY)
    assert "the first" in inbox.stdout and inbox.returncode == 0
    assert inbox.stderr.count("the log of 'alice' could not be read") == 1 and "belongs to root" in inbox.stderr
    assert by(place, "bob", "thrum", "send", "I go on", "--everyone", user=SOMEBODY).returncode == 0
    assert by(place, "bob", "thrum", "wait", "--timeout", "0s", user=SOMEBODY).returncode in (0, 1)
    doctor = by(place, "bob", "thrum", "doctor", user=SOMEBODY)
    assert doctor.returncode == 1 and "belongs to root" in " ".join(doctor.stdout.split())
    for part in ("layout", "keys", "identity", "space", "view"):
        assert part in doctor.stdout


@as_root
@pytest.mark.parametrize("name", ["sync.json", "current-v4", "the view"])
def test_what_can_be_made_again_is_made_again_when_it_cannot_be_read(place: Path, name: str) -> None:
    settle(place, SOMEBODY)
    var = Path(os.path.realpath(place / "repo" / ".thrum" / "var"))
    by(place, "bob", "thrum", "sync", "force", user=SOMEBODY)
    for path in var.glob("p-v4.*") if name == "the view" else [var / name]:
        os.chown(path, 0, 0)
        path.chmod(0o600)
    for line in (("inbox",), ("send", "more", "--to", "@alice"), ("sync", "force"), ("doctor",)):
        done = by(place, "bob", "thrum", *line, user=SOMEBODY)
        assert (done.returncode, done.stderr) == (0, ""), done
    assert "more" in by(place, "alice", "thrum", "inbox", user=SOMEBODY).stdout


@as_root
def test_root_in_a_users_store_leaves_it_to_the_user(place: Path) -> None:
    settle(place, SOMEBODY)
    for command in (
        "quickstart --name docker --role r --module m", "send hello --everyone", "inbox", "sync force",
        "session heartbeat", "context save --name docker notes", "init", "purge --before 1d --confirm", "doctor --fix",
    ):  # fmt: skip
        by(place, "docker", "thrum", *command.split(), GIT_CONFIG_PARAMETERS="'safe.directory=*'")
    foreign = [str(path) for path in (place / "repo").rglob("*") if path.lstat().st_uid == 0]
    assert foreign == []
    for line in (("send", "yes", "--to", "@docker"), ("inbox",), ("sync", "force"), ("session", "heartbeat")):
        done = by(place, "alice", "thrum", *line, user=SOMEBODY)
        assert (done.returncode, done.stderr) == (0, ""), done
    assert by(place, "alice", "git", "commit", "-q", "--allow-empty", "-m", "mine", user=SOMEBODY).returncode == 0


def test_without_descriptors_the_sentence_is_about_them_and_the_view_stays(place: Path) -> None:
    settle(place)
    var = Path(os.path.realpath(place / "repo" / ".thrum" / "var"))
    before = sorted(path.name for path in var.glob("p-v4.*.db"))
    done = by(place, "bob", "thrum", "whoami")
    for most in range(6, 40):
        done = subprocess.run(
            ["bash", "-c", f'ulimit -n {most}; exec "{SCRIPT}" inbox'], cwd=place / "repo", capture_output=True,
            text=True, env={**os.environ, "THRUM_NAME": "bob"}, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            break
        assert "Traceback" not in done.stderr or "thrum_" not in done.stderr, done.stderr
    assert "the first" in done.stdout
    assert sorted(path.name for path in var.glob("p-v4.*.db")) == before


def test_a_limit_on_the_size_of_files_is_named_and_no_view_is_thrown_away(place: Path) -> None:
    settle(place)
    var = Path(os.path.realpath(place / "repo" / ".thrum" / "var"))
    before = sorted(path.name for path in var.glob("p-v4.*.db"))
    for limit in (1, 4, 16, 64, 128):
        done = subprocess.run(
            ["bash", "-c", f'ulimit -f {limit}; exec "{SCRIPT}" send "under {limit}" --to @alice'],
            cwd=place / "repo", capture_output=True, text=True, env={**os.environ, "THRUM_NAME": "bob"}, check=False,
        )  # fmt: skip
        if done.returncode or "not shown yet" in done.stderr:
            assert f"this process may write no file larger than {limit} KiB" in done.stderr
        confirmed = done.returncode == 0
        assert confirmed == (f"under {limit}\n" in by(place, "alice", "thrum", "inbox").stdout)
    assert sorted(path.name for path in var.glob("p-v4.*.db")) == before


def test_a_store_of_another_user_is_named_by_every_command_and_by_doctor(place: Path) -> None:
    settle(place, SOMEBODY)
    for line in ("inbox", "send x --to @bob", "doctor", "wait --timeout 0s", "team"):
        done = by(place, "alice", "thrum", *line.split(), user=SOMEBODY + 1, GIT_CONFIG_PARAMETERS="'safe.directory=*'")
        assert done.returncode != 0
        assert f"{place}/repo/.thrum belongs to another user" in " ".join((done.stdout + done.stderr).split())
        assert "not set up" not in done.stdout + done.stderr


@pytest.mark.parametrize("closed", [".git/thrum-sync", ".git/thrum-sync/var", ".thrum"])
def test_a_directory_of_ours_that_lets_nobody_in_is_named_with_the_command_that_opens_it(
    place: Path, closed: str
) -> None:
    settle(place, SOMEBODY)
    directory = Path(os.path.realpath(place)) / "repo" / closed
    directory.chmod(0)
    for line in ("inbox", "send x --to @bob", "doctor", "init"):
        done = by(place, "alice", "thrum", *line.split(), user=SOMEBODY)
        assert f"`chmod u+rwx {directory}`" in " ".join((done.stdout + done.stderr).split()), line
    directory.chmod(0o700)
    assert by(place, "bob", "thrum", "inbox", user=SOMEBODY).returncode == 0


@pytest.mark.parametrize("line", ["inbox", "send x --to @bob", "doctor", "init", "team", "wait --timeout 0s", "status"])
def test_a_directory_that_was_removed_is_a_sentence(place: Path, line: str) -> None:
    gone = place / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["bash", "-c", f'rmdir "{gone}"; exec "{SCRIPT}" {line}'], cwd=gone, capture_output=True, text=True, check=False
    )
    assert done.stderr == "Error: the current directory was removed\nTry: go to one that exists: `cd ~`\n"


def test_a_hook_in_a_directory_that_was_removed_is_silent(place: Path) -> None:
    gone = place / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["bash", "-c", f'rmdir "{gone}"; exec "{SCRIPT}" hook stop --runtime claude'], cwd=gone, capture_output=True,
        text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
