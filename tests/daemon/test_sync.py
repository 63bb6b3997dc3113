"""The daemon's sync loop: clones that do not know each other exchange messages without a command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT
from tests.daemon.conftest import Daemon, free_port, send
from thrum_mcp.daemon.process import control, file_names, lease
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store import setup
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository import paths
from thrum_store.service.messages import sending, waiting
from thrum_store.service.messages.sending import SendMessage
from thrum_store.service.messages.waiting import WaitFor
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import Register
from thrum_store.store import open_store


def git(where: Path, *arguments: str) -> str:
    command = ["git", "-C", str(where), "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def clone(bare: Path, where: Path, name: str) -> Daemon:
    """Return a daemon for a clone with a store, an agent and its session."""
    subprocess.run(["git", "clone", "-q", str(bare), str(where)], check=True, capture_output=True)
    repository = paths.find(str(where))
    setup.initialize(repository, setup.Initialize())
    with open_store(repository) as store:
        agents.register(store, Register(name, f"{name}-role", "auth"))
        sessions.start(store, Caller(name, worktree="main"))
    return Daemon(repository)


@pytest.fixture
def clones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Daemon, Daemon]]:
    """Two clones of one bare repository, alice's and bob's, whose daemons may sync."""
    bare = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=main", str(bare)], check=True)
    first = tmp_path / "first"
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(first)], check=True)
    git(first, "commit", "-q", "--allow-empty", "-m", "first")
    git(first, "push", "-q", str(bare), "main")
    pair = clone(bare, tmp_path / "a", "alice"), clone(bare, tmp_path / "b", "bob")
    for daemon in pair:
        monkeypatch.setenv("THRUM_WS_PORT", str(free_port()))
        daemon.start("--no-local")
    yield pair
    for daemon in pair:
        if lease.is_held(daemon.paths, REAL):
            control.stop(daemon.paths, REAL)


def test_a_message_reaches_another_clone_and_who_waits_there(clones: tuple[Daemon, Daemon]) -> None:
    first, second = clones
    for daemon in (first, second, first):
        with daemon.wire() as wire:
            wire.result("sync.force", wait=True)
    with second.wire() as listener:
        listener.result("subscribe", all=True, caller_agent_id="bob")
        with open_store(first.paths) as store:
            sending.send(store, Caller("alice", worktree="main"), SendMessage("over there", to=("@bob",)))
        with first.wire() as wire:
            wire.result("sync.force", wait=True)
        listener.result("sync.force", wait=True)
        assert listener.notification()["preview"] == "over there"
    ended = waiting.wait(second.paths, Caller("bob", worktree="main"), WaitFor(10, after=-60))
    assert [message.header.author.partition("@")[0] for message in ended.messages] == ["alice"]


def test_a_wait_that_blocks_in_another_clone_ends_with_a_forced_sync_on_both_sides(
    clones: tuple[Daemon, Daemon],
) -> None:
    first, second = clones
    for daemon in (first, second, first):
        with daemon.wire() as wire:
            wire.result("sync.force", wait=True)
    command = [SCRIPT, "--json", "--repo", second.paths.root, "wait", "--timeout", "30s"]
    environment = {**os.environ, "THRUM_NAME": "bob"}
    waiter = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=second.paths.root)
    while not any(name.startswith("bob.") for name in os.listdir(second.paths.bells)):
        assert waiter.poll() is None
    sent = send(first.paths, "over there", "@bob", author="alice")
    for daemon in (first, second):
        with daemon.wire() as wire:
            wire.result("sync.force", wait=True)
    output, _ = waiter.communicate(timeout=10)
    assert (waiter.returncode, [message["message_id"] for message in json.loads(output)["messages"]]) == (0, [sent])


def test_what_is_said_here_is_pushed_without_anybody_asking(clones: tuple[Daemon, Daemon]) -> None:
    first, _ = clones
    with first.wire() as wire:
        wire.result("sync.force", wait=True)
        send(first.paths, "goes by itself", author="alice")
        while wire.result("sync.status")["ahead"]:
            continue


def test_a_log_that_was_lost_comes_back_without_anybody_asking(clones: tuple[Daemon, Daemon]) -> None:
    first, second = clones
    for daemon in (second, first):
        with daemon.wire() as wire:
            wire.result("sync.force", wait=True)
    (lost,) = (file for file in Path(first.paths.logs).rglob("*.jsonl") if file.parent.name == "bob")
    published = lost.read_bytes()
    shutil.rmtree(lost.parent)
    with first.wire() as wire:
        send(first.paths, "the next sync is near", author="alice")
        while not (damaged := wire.result("sync.status")["damaged"]):
            continue
        assert (damaged[0]["agent_id"], damaged[0]["back_from"], damaged[0]["lost_from"]) == ("bob", 1, None)
        assert lost.read_bytes() == published
        while "@bob" not in Path(file_names.log_file(first.paths)).read_text(encoding="utf-8"):
            wire.result("health")


def test_the_mode_is_kept_and_there_is_a_way_back(quiet: Daemon) -> None:
    config = Path(quiet.paths.thrum) / "config.json"
    config.write_text('{"local_only": true, "mine": 1}', encoding="utf-8")
    for flags, expected in ((("--no-local",), False), ((), False), (("--local",), True), ((), True)):
        assert quiet.start(*flags).local_only is expected
        control.stop(quiet.paths, REAL)
        assert json.loads(config.read_text(encoding="utf-8")) == {"local_only": expected, "mine": 1}


def test_the_environment_decides_where_no_flag_does(quiet: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Path(quiet.paths.thrum) / "config.json"
    config.write_text('{"local_only": false}', encoding="utf-8")
    monkeypatch.setenv("THRUM_LOCAL", "1")
    assert quiet.start().local_only is True
    control.stop(quiet.paths, REAL)
    assert json.loads(config.read_text(encoding="utf-8")) == {"local_only": True}
    assert quiet.start("--no-local").local_only is False


@pytest.mark.parametrize("kept", [{"local_only": True}, {"mine": 1}, {"daemon": {"local_only": True}}], ids=str)
@pytest.mark.parametrize("word", ["0", "false", "NO"])
def test_thrum_local_0_counts_for_its_daemon_alone(
    quiet: Daemon, monkeypatch: pytest.MonkeyPatch, kept: dict[str, object], word: str
) -> None:
    config = Path(quiet.paths.thrum) / "config.json"
    config.write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setenv("THRUM_LOCAL", word)
    assert quiet.start().local_only is False
    control.stop(quiet.paths, REAL)
    assert json.loads(config.read_text(encoding="utf-8")) == kept
    monkeypatch.delenv("THRUM_LOCAL")
    assert quiet.start().local_only is True


def test_a_setting_that_is_changed_meanwhile_ends_what_thrum_local_said(
    quiet: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Path(quiet.paths.thrum) / "config.json"
    config.write_text('{"mine": 1}', encoding="utf-8")
    monkeypatch.setenv("THRUM_LOCAL", "0")
    quiet.start()
    with quiet.wire() as wire:
        config.write_text('{"mine": 2}', encoding="utf-8")
        assert wire.result("health")["local_only"] is False
        config.write_text('{"local_only": true}', encoding="utf-8")
        assert wire.result("health")["local_only"] is True
        config.write_text('{"local_only": false}', encoding="utf-8")
        assert wire.result("health")["local_only"] is False


def test_a_running_daemon_follows_the_configuration_whatever_it_was_started_with(
    quiet: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of local_only counts at once, not only after the next start."""
    config = Path(quiet.paths.thrum) / "config.json"
    monkeypatch.setenv("THRUM_LOCAL", "0")
    quiet.start("--no-local")
    config.write_text('{"local_only": true}', encoding="utf-8")
    with quiet.wire() as wire:
        assert wire.result("health")["local_only"] is True
        assert wire.result("sync.force")["local_only"] is True
        assert wire.result("sync.status")["local_only"] is True


def test_a_configuration_that_breaks_meanwhile_keeps_everything_here_and_is_an_error(quiet: Daemon) -> None:
    quiet.start("--no-local")
    (Path(quiet.paths.thrum) / "config.json").write_text('{"local_only": "perhaps"}', encoding="utf-8")
    status = daemon_status(quiet.paths, REAL)
    assert (status.status, status.sync_state, status.local_only) == ("running", "error", True)
    with quiet.wire() as wire:
        assert "config.json" in wire.refusal("sync.force")["message"]


def test_a_remote_that_hangs_keeps_nobody_and_leaves_nothing_behind(
    quiet: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sends go on, stopping is quick, and the git that hung is ended with its daemon."""
    started = tmp_path / "started"
    os.mkfifo(started)
    stuck = tmp_path / "ssh"
    stuck.write_text(f"#!/bin/sh\necho $$ > {started}\nexec sleep 600\n", encoding="ascii")
    stuck.chmod(0o700)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(stuck))
    git(Path(quiet.paths.root), "remote", "add", "origin", "ssh://example.invalid/x.git")
    quiet.start("--no-local")
    pid = int(started.read_text(encoding="ascii"))
    with quiet.wire() as wire:
        assert wire.result("message.send", content="goes on", mentions=["@alice"], caller_agent_id="bob")["resolved_to"]
        assert wire.result("health")["status"] == "ok"
    assert not control.stop(quiet.paths, REAL).forced
    with pytest.raises(ProcessLookupError):
        while True:
            os.kill(pid, 0)
