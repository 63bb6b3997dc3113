"""A container over a mounted repository: everything else is read-only, the user has no name and no home."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.users import RUN, SOMEBODY, STRANGER, as_root, modules, python, run_as

MARK = "==next=="
NO_MOUNTS = "this process may not mount: a container was NOT tried"


@pytest.fixture
def repository() -> Iterator[Path]:
    """A repository of somebody, in which alice wrote to bob, and edits a file."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        path = Path(made) / "repo"
        path.mkdir()
        os.chown(path, SOMEBODY, SOMEBODY)
        (path / "README.md").write_text("read me\n", encoding="utf-8")
        os.chown(path / "README.md", SOMEBODY, SOMEBODY)
        joining = [f"quickstart --name {name} --role dev --module core" for name in ("alice", "bob")]
        for line in (
            "git init -q -b main .", "git add README.md", "git commit -q -m first", "thrum init",
            *(f"thrum {line}" for line in joining), "thrum send before --to @bob",
        ):  # fmt: skip
            done = run_as(SOMEBODY, path, *line.split(), environ=person("alice" if "send" in line else ""))
            assert done.returncode == 0, done
        (path / "README.md").write_text("edited\n", encoding="utf-8")
        yield path


def person(name: str) -> dict[str, str]:
    """The variables of an agent of somebody who has a home for git."""
    identity = {f"GIT_{who}_{field}": "t@t" for who in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    return identity | ({"THRUM_NAME": name} if name else {})


def contained(repository: Path, user: int, *lines: str, writable: bool = True) -> dict[str, str]:
    """Run lines of bob's in a container; return the output of each.

    The root is read-only, and so are /tmp, where no FIFO can be made, and /dev/shm. There is neither HOME nor anything
    else in the environment.
    """
    thrum = f"{shlex.quote(python())} -c {shlex.quote(RUN)}"
    script = f'thrum() {{ {thrum} "$@"; }}\n' + f'echo "{MARK}"\n'.join(f"{line} 2>&1\n" for line in lines)
    place = shlex.quote(str(repository))
    mounts = [f"mount --bind {place} {place}", "mount -o remount,ro,bind /"]
    mounts += [f"mount -o remount,ro,bind {path}" for path in ("/tmp", "/dev/shm", "/var/tmp") if os.path.ismount(path)]
    mounts += [] if writable else [f"mount -o remount,ro,bind {place}"]
    bare = f"env -i PATH=/usr/bin:/bin PYTHONPATH={shlex.quote(modules())} PYTHONDONTWRITEBYTECODE=1 THRUM_NAME=bob"
    inner = f"cd {place} && setpriv --reuid={user} --regid={user} --clear-groups {bare} bash -c {shlex.quote(script)}"
    whole = " && ".join(mounts) + f" || exit 99; {inner}"
    done = subprocess.run(["unshare", "-m", "bash", "-c", whole], capture_output=True, text=True, check=False)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(NO_MOUNTS)
    assert "Traceback" not in done.stdout + done.stderr, done
    return dict(zip(lines, done.stdout.split(MARK), strict=True))


LINES = (
    "touch /tmp/x", "thrum inbox", "thrum message read --all", "thrum send after --to @alice",
    "thrum wait --timeout 0s",
    "echo '{}' | thrum hook prompt --runtime claude", "thrum who-has README.md", "thrum doctor", "thrum team",
)  # fmt: skip


@as_root
def test_in_a_container_of_the_owner_everything_works(repository: Path) -> None:
    answers = contained(repository, SOMEBODY, *LINES)
    assert "Read-only file system" in answers["touch /tmp/x"]
    assert "before" in answers["thrum inbox"]
    assert "Message sent: msg_" in answers["thrum send after --to @alice"], answers
    assert "Nobody" not in answers["thrum who-has README.md"] and "README.md" in answers["thrum who-has README.md"]
    assert "@alice" in answers["thrum team"]
    assert "worktree" in answers["thrum doctor"]
    inbox = run_as(SOMEBODY, repository, "thrum", "inbox", environ=person("alice")).stdout
    assert inbox.count("to @alice") == 1 and "after" in inbox


@as_root
def test_in_a_container_of_another_user_thrum_reads_nothing_and_says_why(repository: Path) -> None:
    answers = contained(repository, STRANGER, *LINES)
    for line in LINES[1:5]:
        assert "Error: " in answers[line] and "user" in answers[line], answers
    assert "Nobody" not in answers["thrum who-has README.md"]
    inbox = run_as(SOMEBODY, repository, "thrum", "inbox", "--unread", environ=person("bob")).stdout
    assert "before" in inbox


@as_root
def test_in_a_read_only_container_mail_is_read_and_nothing_is_lost(repository: Path) -> None:
    answers = contained(repository, SOMEBODY, *LINES, writable=False)
    assert "before" in answers["thrum inbox"]
    assert "read-only" in answers["thrum send after --to @alice"]
    assert "Nobody" not in answers["thrum who-has README.md"]
    assert "cannot write" in " ".join(answers["thrum doctor"].split())
    inbox = run_as(SOMEBODY, repository, "thrum", "inbox", "--unread", environ=person("bob")).stdout
    assert "before" in inbox
