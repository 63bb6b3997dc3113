"""A sync that meets a hostile branch, watched by the kernel: it touches the store alone, and runs git alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT
from tests.sync.clones import Clone, Remote, git
from tests.sync.conftest import Pair
from tests.sync.test_hostile_branch import STORE, entries_of, still_flows
from tests.sync.tracing import Call, traced

pytestmark = pytest.mark.usefixtures("strace")
TRIPWIRE = b'#!/bin/sh\ntouch "$0.ran"\n'


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    """A directory beside the clones with a file to read, to write over, and to leave alone."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret", encoding="utf-8")
    return outside


def raw_tree(remote: Remote, entries: list[tuple[str, str, str]]) -> str:
    """A tree of `mode, name, oid` entries, whatever the names: git's own commands refuse to make such ones."""
    content = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid) for mode, name, oid in entries)
    command = ["git", "hash-object", "-w", "-t", "tree", "--literally", "--stdin"]
    done = subprocess.run(command, cwd=remote.root, input=content, check=True, capture_output=True)
    return done.stdout.decode().strip()


def plant(remote: Remote, store: str, bait: Path) -> int:
    """Put links, climbing and absolute names, and a `.git` with hooks into the branch; return the number of files."""
    script, link = remote.blob(TRIPWIRE), remote.blob(f"{bait}/secret".encode())
    climbing = raw_tree(remote, [("100644", "../" * depth + "outside/secret", script) for depth in range(1, 7)])
    hooks = raw_tree(remote, [("100755", name, script) for name in ("post-checkout", "pre-push", "update")])
    config = remote.blob(f'[core]\n\tfsmonitor = "{bait}/secret"\n\thooksPath = "{bait}"\n'.encode())
    git_dir = raw_tree(remote, [("100644", "config", config), ("40000", "hooks", hooks)])
    linked = remote.tree([f"120000 blob {link}\t{name}" for name in ("store.json", "heads.json")])
    stranger = raw_tree(remote, [("40000", STORE, linked), ("120000", "b" * 26, remote.blob(str(bait).encode()))])
    entries = [
        *((mode, name, oid) for mode, name, oid in root_of(remote) if name != "v1"),
        ("100755", f"{bait}/secret", script), ("40000", "..", climbing), ("40000", ".git", git_dir),
        ("40000", ".GIT", hooks), ("120000", "link", link), ("40000", "v1", merged(remote, store, stranger, link)),
    ]  # fmt: skip
    honest = len(entries_of(remote))
    remote.point(remote.commit(raw_tree(remote, entries), remote.tip))
    return len(entries_of(remote)) - honest


def root_of(remote: Remote, tree: str = "") -> list[tuple[str, str, str]]:
    """The entries of a tree: the tip's, where none is named."""
    lines = git(remote.root, "ls-tree", tree or remote.tip).split("\n")
    return [(line.split()[0], line.partition("\t")[2], line.split()[2]) for line in lines]


def merged(remote: Remote, store: str, stranger: str, link: str) -> str:
    """All stores of the tip, those of `stranger` beside them, and a link among the logs of `store`."""
    known = {name: (mode, oid) for mode, name, oid in root_of(remote, f"{remote.tip}:v1")}
    inside = [*root_of(remote, known[store][1]), ("120000", "alice-00000009", link)]
    known[store] = ("40000", raw_tree(remote, inside))
    kept = [(mode, name, oid) for name, (mode, oid) in known.items()]
    return raw_tree(remote, [*kept, *root_of(remote, stranger)])


def below(path: str, *tops: Path) -> bool:
    return any(Path(path).is_relative_to(os.path.realpath(top)) for top in tops)


def strayed(calls: list[Call], *tops: Path) -> list[str]:
    """Return the calls that changed files outside these places, or tried to."""
    mine = [call for call in calls if call.changes and set(call.paths) != {"/dev/null"}]
    return [call.words for call in mine if not all(below(path, *tops) for path in call.paths)]


def read_in(calls: list[Call], top: Path) -> set[str]:
    """Files that were opened below this place, by whatever way."""
    opened = {path for call in calls if call.done and call.name in ("open", "openat", "openat2") for path in call.paths}
    return {path for path in opened if below(path, top) and not os.path.isdir(path)}


def programs(calls: list[Call]) -> set[str]:
    """Return the programs that were executed; for a shell, the program of its command."""
    run = [call for call in calls if call.name in ("execve", "execveat") and call.done]
    return {
        call.words.split('"')[7] if call.paths[0].endswith("/sh") else os.path.realpath(call.paths[0]) for call in run
    }


def needed(remote: Remote) -> set[str]:
    """The programs that a sync cannot do without; those that serve a remote on this machine are started by a shell."""
    serving = {f"git-{verb}-pack '{remote.root}'" for verb in ("upload", "receive")}
    path = shutil.which("git")
    assert path is not None
    return {os.path.realpath(SCRIPT), os.path.realpath(path), *serving}


def sync(clone: Clone) -> list[Call]:
    """A sync as a user starts it, watched."""
    return traced((SCRIPT, "sync", "force"), clone.root)


def test_a_sync_with_a_hostile_branch_touches_the_store_alone_and_runs_git_alone(pair: Pair, bait: Path) -> None:
    remote, ours, _ = pair
    pair.theirs.send("bob", "in between", "@alice")
    pair.theirs.sync()
    ours.send("alice", "mine as well", "@bob")
    planted = plant(remote, ours.store_id, bait)
    calls = sync(ours)
    assert "in between" in ours.contents()
    assert sum(ours.status().refused.values()) == planted
    places = ours.root / ".git", ours.root / ".thrum", remote.root
    changed = {path for call in calls if call.changes for path in call.paths}
    assert all(any(below(path, top) for path in changed) for top in (ours.root / ".git", remote.root))
    assert strayed(calls, *places) == []
    assert [call.words for call in calls if any(below(path, bait) for path in call.paths)] == []
    assert [path for path in read_in(calls, bait.parent) if not below(path, *places)] == []
    assert [call.words for call in calls if call.name.startswith("symlink")] == []
    helpers = Path(git(remote.root, "--exec-path"))
    assert needed(remote) <= programs(calls)
    assert [program for program in programs(calls) - needed(remote) if not below(program, helpers)] == []
    assert [(path.name, path.read_text(encoding="utf-8")) for path in bait.iterdir()] == [("secret", "secret")]
    still_flows(pair)


def test_what_is_touched_elsewhere_would_have_been_seen(tmp_path: Path, bait: Path) -> None:
    """The same look at a program that does each of the things that no sync may do."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(bait)
    program = (
        "import os; open('link/new', 'w').close(); os.rename('link/new', '../outside/newer')\n"
        "os.mkdir('../outside/d'); os.chdir('../outside'); os.unlink('newer'); os.symlink('/nowhere', 's')\n"
        "open('secret').close(); os.posix_spawn('/bin/true', ['true'], {})\nos.wait()"
    )
    calls = traced((sys.executable, "-c", program), inside)
    calls_seen = {line.partition("(")[0] for line in strayed(calls, inside)}
    assert calls_seen == {"openat", "rename", "mkdir", "unlink", "symlink"}
    assert f"{bait}/secret" in read_in(calls, bait)
    assert os.path.realpath("/bin/true") in programs(calls)
