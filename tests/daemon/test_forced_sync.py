"""`thrum sync force` and its RPC: a daemon answers at once and does it; without one the command runs to the end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell, git
from tests.contract.manifest import requirement
from tests.daemon.conftest import Daemon, free_port
from thrum_mcp.daemon.process import control, lease
from thrum_store.machine.host import REAL
from thrum_store.repository import paths


@pytest.fixture
def alice(tmp_path: Path) -> Iterator[Shell]:
    """alice in a clone that syncs with a bare repository; a daemon that she started is stopped."""
    bare, clone = tmp_path / "origin.git", tmp_path / "clone"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    subprocess.run(["git", "clone", "-q", str(bare), str(clone)], check=True, capture_output=True)
    git(clone, "commit", "-q", "--allow-empty", "-m", "first")
    shell = Shell(clone).having(THRUM_WS_PORT=str(free_port()))
    shell.ok("quickstart", "--name", "alice", "--role", "planner")
    shell.ok("config", "set", "local_only", "false")
    yield shell
    daemon = paths.find(str(clone))
    if lease.is_held(daemon, REAL):
        control.stop(daemon, REAL)


@pytest.fixture
def stuck(alice: Shell, tmp_path: Path) -> Shell:
    """alice, whose daemon is in the middle of a sync with a remote that never answers."""
    started = tmp_path / "started"
    os.mkfifo(started)
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\necho $$ > {started}\nexec sleep 600\n", encoding="ascii")
    ssh.chmod(0o700)
    git(alice.cwd, "remote", "set-url", "origin", "ssh://example.invalid/x.git")
    alice.having(GIT_SSH_COMMAND=str(ssh)).ok("daemon", "start")
    assert started.read_text(encoding="ascii")
    return alice


def ahead(shell: Shell) -> int:
    """Return the number of events that the remote lacks."""
    return int(shell.json("sync", "status")["ahead"])


@requirement("sync:force")
def test_a_daemon_answers_at_once_and_does_the_sync(alice: Shell) -> None:
    alice.ok("daemon", "start")
    alice.ok("sync", "force", "--wait")
    alice.json("send", "travels", "--to", "@everyone")
    begun = alice.json("sync", "force")
    assert begun["triggered"] is True and begun["state"] in ("started", "joined")
    assert (begun["taken"], begun["committed"], begun["pushed"]) == (None, None, None)
    assert begun["remote"] == "origin" and begun["local_only"] is False
    while ahead(alice):
        continue
    shown = alice.ok("sync", "force")
    assert "Sync triggered" in shown and "thrum sync force --wait" in shown and "thrum sync status" in shown


def test_a_request_during_a_sync_that_hangs_joins_it_and_waits_for_nothing(stuck: Shell) -> None:
    assert [stuck.json("sync", "force")["state"] for _ in range(2)] == ["joined", "joined"]
    assert "joined" in stuck.ok("sync", "force")
    daemon = Daemon(paths.find(str(stuck.cwd)))
    with daemon.wire() as wire:
        answer = wire.result("sync.force")
        assert (answer["triggered"], answer["state"], answer["sync_state"]) == (True, "joined", "idle")
        assert wire.result("health")["status"] == "ok"


def test_who_waits_reads_what_the_sync_did(alice: Shell) -> None:
    alice.ok("daemon", "start")
    done = alice.json("sync", "force", "--wait")
    assert (done["state"], done["ahead"], done["sync_state"]) == ("done", 0, "synced")
    git(alice.cwd, "remote", "set-url", "origin", str(alice.cwd / "nowhere.git"))
    failed = alice.thrum("sync", "force", "--wait", "--json")
    assert failed.code == 1 and "origin" in failed.error["message"]


def test_without_a_daemon_it_runs_to_the_end(alice: Shell) -> None:
    assert alice.json("sync", "force")["pushed"] is True
    assert alice.ok("sync", "force").startswith("✓ Sync done")
    assert alice.json("sync", "force", "--wait")["state"] == "done"


def test_a_call_that_keeps_everything_here_is_not_handed_to_a_daemon_that_pushes(alice: Shell) -> None:
    alice.ok("daemon", "start")
    alice.ok("sync", "force", "--wait")
    kept = alice.having(THRUM_LOCAL="1").json("sync", "force")
    assert (kept["state"], kept["local_only"], kept["pushed"]) == ("done", True, False)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
def test_a_daemon_that_died_or_does_not_answer_is_not_waited_for(alice: Shell, sign: signal.Signals) -> None:
    pid = alice.json("daemon", "start")["pid"]
    alice.ok("sync", "force", "--wait")
    os.kill(pid, sign)
    try:
        assert alice.json("sync", "force")["state"] == "done"
    finally:
        if sign == signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)


def test_a_configuration_that_means_nothing_is_named_at_once(alice: Shell) -> None:
    alice.ok("daemon", "start")
    (alice.cwd / ".thrum" / "config.json").write_text('{"local_only": "perhaps"}', encoding="utf-8")
    refused = alice.thrum("sync", "force", "--json")
    assert (refused.code, "config.json" in refused.error["message"]) == (1, True)
