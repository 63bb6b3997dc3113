"""Nothing of the user's git set-up runs or gets in the way: hooks, filters, aliases, signing, language, variables."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.sync.clones import Clone, git
from tests.sync.conftest import Pair

HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-checkout", "post-commit", "post-index-change",
    "post-merge", "post-rewrite", "post-update", "pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-push",
    "pre-rebase", "prepare-commit-msg", "push-to-checkout", "reference-transaction", "update",
)  # fmt: skip

CONFIG = """
[core]
    hooksPath = {home}/hooks
    fsmonitor = {trip}
    pager = {trip}
    editor = {trip}
    sshCommand = {trip}
    askPass = {trip}
    attributesFile = {home}/attributes
    autocrlf = true
    splitIndex = true
    untrackedCache = true
    quotePath = false
    logAllRefUpdates = always
[filter "trip"]
    clean = {trip}
    smudge = {trip}
    process = {trip}
    required = true
[diff]
    external = {trip}
[alias]
    fetch = !{trip}
    push = !{trip}
    ls-tree = !{trip}
    hash-object = !{trip}
[commit]
    gpgSign = true
[tag]
    gpgSign = true
[gpg]
    program = {trip}
[push]
    followTags = true
    recurseSubmodules = check
    default = nothing
[fetch]
    recurseSubmodules = yes
    prune = true
    pruneTags = true
    writeCommitGraph = true
[gc]
    auto = 1
[maintenance]
    auto = true
[user]
    useConfigOnly = true
[color]
    ui = always
[log]
    showSignature = true
[index]
    version = 4
[i18n]
    commitEncoding = latin1
"""


class Trap:
    """A home full of tripwires."""

    def __init__(self, where: Path) -> None:
        self.home = where / "home"
        self.sprung = where / "sprung"
        trip = where / "trip"
        trip.write_text(f'#!/bin/sh\necho "$0 $*" >> {self.sprung}\ncat >/dev/null\nexit 1\n', encoding="utf-8")
        trip.chmod(0o755)
        (self.home / "hooks").mkdir(parents=True)
        self._hooks(self.home / "hooks", trip)
        self.trip = trip
        (self.home / ".gitconfig").write_text(CONFIG.format(home=self.home, trip=trip), encoding="utf-8")
        (self.home / "attributes").write_text("* filter=trip text eol=crlf ident\n", encoding="utf-8")

    def _hooks(self, directory: Path, trip: Path) -> None:
        directory.mkdir(exist_ok=True)
        for hook in HOOKS:
            (directory / hook).unlink(missing_ok=True)
            (directory / hook).symlink_to(trip)

    def lay(self, clone: Clone) -> None:
        """In the clone itself as well."""
        self._hooks(clone.root / ".git" / "hooks", self.trip)
        (clone.root / ".git" / "info" / "attributes").write_text("* filter=trip\n", encoding="utf-8")
        clone.git("config", "--local", "core.fsmonitor", str(self.trip))

    def log(self) -> str:
        return self.sprung.read_text(encoding="utf-8") if self.sprung.exists() else ""


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def enter(monkeypatch: pytest.MonkeyPatch, trap: Trap) -> None:
    """From here on the environment is the user's."""
    wrong = str(trap.home / "nowhere")
    outputs = {
        "HOME": str(trap.home), "XDG_CONFIG_HOME": str(trap.home / "xdg"), "LANG": "de_DE.UTF-8", "LANGUAGE": "de",
        "LC_ALL": "de_DE.UTF-8", "GIT_DIR": wrong, "GIT_WORK_TREE": wrong, "GIT_INDEX_FILE": wrong,
        "GIT_OBJECT_DIRECTORY": wrong, "GIT_COMMON_DIR": wrong, "GIT_NAMESPACE": "other",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(trap.home / "hooks"),
        "GIT_EXTERNAL_DIFF": str(trap.trip), "GIT_EDITOR": str(trap.trip), "GIT_PAGER": str(trap.trip),
        "GIT_ASKPASS": str(trap.trip), "SSH_ASKPASS": str(trap.trip), "GIT_AUTHOR_DATE": "yesterday?",
        "GIT_LITERAL_PATHSPECS": "1", "GIT_QUARANTINE_PATH": wrong, "GIT_DEFAULT_HASH": "sha256",
    }  # fmt: skip
    for name, value in outputs.items():
        monkeypatch.setenv(name, value)


def test_no_tripwire_is_touched_and_everything_works(pair: Pair, trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    for clone in (pair.ours, pair.theirs):
        trap.lay(clone)
    with monkeypatch.context() as user:
        enter(user, trap)
        pair.ours.send("alice", "past all traps", "@bob")
        assert pair.ours.sync().pushed
        assert pair.theirs.sync().taken == 1
        pair.theirs.status()
        late = Clone(pair.theirs.root)
        assert "past all traps" in late.contents()
    assert trap.log() == ""
    for clone in (pair.ours, pair.theirs):
        assert git(clone.root, "-c", "core.fsmonitor=false", "fsck", "--no-dangling") == ""


def test_the_tripwires_work(pair: Pair, trap: Trap) -> None:
    """Else the test above would say nothing."""
    trap.lay(pair.ours)
    with pytest.raises(subprocess.CalledProcessError):
        git(pair.ours.root, "commit", "--quiet", "--allow-empty", "--message", "x")
    assert trap.log() != ""


def test_a_set_up_under_a_hostile_configuration_touches_no_tripwire(
    pair: Pair, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = pair.remote.clone("fresh", initialize=False)
    trap.lay(fresh)
    with monkeypatch.context() as user:
        enter(user, trap)
        fresh.initialize()
        fresh.join("newcomer")
        assert fresh.sync().pushed
    assert trap.log() == ""


def test_the_users_signature_stands_under_no_commit_of_ours(pair: Pair) -> None:
    author = pair.ours.git("log", "-1", "--format=%an %ae %cn %GK", "a-sync")
    assert author.split() == ["thrum", "thrum@localhost", "thrum"]
    assert os.path.exists(pair.ours.root / ".git" / "thrum-sync")
