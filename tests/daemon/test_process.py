"""One daemon per repository, after crashes, with stale files, and when many start at the same time."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.daemon.conftest import DEADLINE, Daemon, send, spawn
from thrum_mcp.daemon.process import client, control, facts, file_names, lease
from thrum_mcp.daemon.process.errors import AlreadyRunning, DaemonFailed, DaemonNotRunning
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.machine.host import REAL
from thrum_store.repository import paths


def pid_file(daemon: Daemon) -> Path:
    return Path(file_names.pid_file(daemon.paths))


def test_a_started_daemon_answers_at_once(quiet: Daemon) -> None:
    started = quiet.start()
    with quiet.wire() as wire:
        health = wire.result("health")
    assert (health["status"], health["pid"]) == ("ok", started.pid)
    assert started.ws_port == health["ws_port"] == quiet.port()


def test_the_pid_file_says_who_it_is(daemon: Daemon) -> None:
    fields = json.loads(pid_file(daemon).read_text(encoding="utf-8"))
    assert {"pid", "repo_path", "started_at", "socket_path"} <= set(fields)
    assert fields["repo_path"] == daemon.paths.root
    assert fields["socket_path"] == os.path.join(daemon.paths.var, "thrum.sock")


def test_a_second_start_names_the_first(daemon: Daemon) -> None:
    running = lease.read_pid_file(daemon.paths, REAL)
    assert running is not None
    with pytest.raises(AlreadyRunning, match=f"pid {running.pid}"):
        daemon.start()


def test_a_start_from_another_worktree_finds_the_daemon_of_the_repository(daemon: Daemon, tmp_path: Path) -> None:
    root = daemon.paths.root
    git = ["git", "-C", root, "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "other")], check=True)
    other = paths.initialized(str(tmp_path / "other"))
    with pytest.raises(AlreadyRunning):
        control.start(other, REAL)
    assert daemon_status(other, REAL).running


def test_stop_leaves_nothing_that_points_to_it(daemon: Daemon) -> None:
    control.stop(daemon.paths, REAL)
    left = os.listdir(daemon.paths.var)
    assert not {"thrum.pid", "thrum.sock", "ws.port", "sock.path"} & set(left)
    assert not daemon_status(daemon.paths, REAL).running


def test_stopping_what_does_not_run_says_so(quiet: Daemon) -> None:
    with pytest.raises(DaemonNotRunning):
        control.stop(quiet.paths, REAL)


def test_a_call_without_a_daemon_says_how_to_start_it(quiet: Daemon) -> None:
    with pytest.raises(DaemonNotRunning) as raised:
        client.ask(quiet.paths, "health")
    assert "thrum daemon start" in (raised.value.hint or "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(quiet: Daemon, number: signal.Signals) -> None:
    quiet.start()
    running = lease.read_pid_file(quiet.paths, REAL)
    assert running is not None
    os.kill(running.pid, number)
    held = REAL.lock(file_names.lease(quiet.paths))
    held.acquire(DEADLINE)
    held.release()
    assert not pid_file(quiet).exists()


def test_a_daemon_that_does_not_listen_to_reason_is_ended(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    running = lease.read_pid_file(daemon.paths, REAL)
    assert running is not None
    os.kill(running.pid, signal.SIGSTOP)
    monkeypatch.setattr(control, "_STOP", 0.3)
    assert control.stop(daemon.paths, REAL).forced


def test_a_stopped_daemon_shows_as_not_answering(daemon: Daemon) -> None:
    running = lease.read_pid_file(daemon.paths, REAL)
    assert running is not None
    os.kill(running.pid, signal.SIGSTOP)
    try:
        status = daemon_status(daemon.paths, REAL)
    finally:
        os.kill(running.pid, signal.SIGCONT)
    assert (status.running, status.status, status.pid) == (True, "not answering", running.pid)


def test_after_a_crash_the_next_one_starts(daemon: Daemon) -> None:
    daemon.kill()
    assert pid_file(daemon).exists()
    daemon.start()
    with daemon.wire() as wire:
        assert wire.result("health")["status"] == "ok"


def test_no_stale_file_blocks_a_start_and_no_foreign_process_is_touched(quiet: Daemon) -> None:
    innocent = subprocess.Popen(["sleep", "600"])
    try:
        for began in ("", "1", facts.started(innocent.pid)):
            fields = {"pid": innocent.pid, "repo_path": quiet.paths.root, "started_at": "", "socket_path": "x"}
            pid_file(quiet).write_text(json.dumps({**fields, "began": began}), encoding="utf-8")
            with pytest.raises(DaemonNotRunning):
                control.stop(quiet.paths, REAL)
            quiet.start()
            control.stop(quiet.paths, REAL)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_pid_file_that_makes_no_sense_is_no_obstacle(quiet: Daemon) -> None:
    for content in ("", "{", "[]", "17", '{"pid": "x"}', "\0\0\0", '{"pid": 1}', '{"pid": -1}'):
        pid_file(quiet).write_text(content, encoding="utf-8")
        assert lease.read_pid_file(quiet.paths, REAL) is None
        with pytest.raises(DaemonNotRunning):
            control.stop(quiet.paths, REAL)
    quiet.start()
    assert daemon_status(quiet.paths, REAL).status == "running"


def test_a_recycled_pid_is_never_signalled(daemon: Daemon) -> None:
    """The lease is held, and the PID file has the number of a process that began at another time."""
    innocent = subprocess.Popen(["sleep", "600"])
    try:
        fields = json.loads(pid_file(daemon).read_text(encoding="utf-8"))
        pid_file(daemon).write_text(json.dumps({**fields, "pid": innocent.pid}), encoding="utf-8")
        assert control.stop(daemon.paths, REAL).pid == fields["pid"]
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_daemon_whose_pid_file_was_lost_is_stopped_all_the_same(quiet: Daemon) -> None:
    started = quiet.start()
    pid_file(quiet).unlink()
    assert control.stop(quiet.paths, REAL).pid == started.pid


def test_where_nothing_says_who_the_daemon_is_no_process_is_guessed(quiet: Daemon) -> None:
    started = quiet.start()
    pid_file(quiet).unlink()
    Path(file_names.usual_socket(quiet.paths)).unlink()
    with pytest.raises(DaemonFailed) as refused:
        control.stop(quiet.paths, REAL)
    assert file_names.lease(quiet.paths) in (refused.value.hint or "")
    os.kill(started.pid, signal.SIGTERM)
    held = REAL.lock(file_names.lease(quiet.paths))
    held.acquire(DEADLINE)
    held.release()


def test_what_keeps_a_daemon_from_starting_is_told_in_its_own_words(
    quiet: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THRUM_WS_PORT", "abc")
    with pytest.raises(DaemonFailed) as refused:
        quiet.start()
    reason = "THRUM_WS_PORT is 'abc', which is not a port from 1 to 65535"
    assert refused.value.message == f"the daemon did not start: {reason}"
    assert refused.value.hint == "run `unset THRUM_WS_PORT`"


@pytest.mark.parametrize("flags", [(), ("--no-local",)])
def test_a_configuration_that_means_nothing_keeps_the_daemon_from_starting(
    quiet: Daemon, flags: tuple[str, ...]
) -> None:
    (Path(quiet.paths.thrum) / "config.json").write_text("nonsense", encoding="utf-8")
    with pytest.raises(DaemonFailed, match=r"config\.json"):
        quiet.start(*flags)
    assert not lease.is_held(quiet.paths, REAL)


@pytest.mark.parametrize("kind", ["socket", "file", "link", "port"])
def test_what_lies_where_the_socket_goes_is_no_obstacle(quiet: Daemon, kind: str, tmp_path: Path) -> None:
    path = Path(file_names.usual_socket(quiet.paths))
    target = tmp_path / "target"
    target.write_text("mine", encoding="utf-8")
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    elif kind == "file":
        path.write_text("x", encoding="utf-8")
    elif kind == "link":
        path.symlink_to(target)
    else:
        Path(file_names.port_file(quiet.paths)).write_text("1\n", encoding="ascii")
    quiet.start()
    with quiet.wire() as wire:
        assert wire.result("health")["ws_port"] == quiet.port()
    assert target.read_text(encoding="utf-8") == "mine"


def report(child: subprocess.Popen[bytes], ended: queue.Queue[subprocess.Popen[bytes]]) -> None:
    """Put a child into the queue when it has ended."""
    child.wait()
    ended.put(child)


@pytest.mark.parametrize("count", [2, 20])
def test_of_many_daemons_started_at_once_one_serves(quiet: Daemon, count: int) -> None:
    children = [spawn(quiet.paths) for _ in range(count)]
    ended: queue.Queue[subprocess.Popen[bytes]] = queue.Queue()
    for child in children:
        threading.Thread(target=report, args=(child, ended)).start()
    try:
        losers = [ended.get(timeout=DEADLINE) for _ in range(count - 1)]
        assert [loser.returncode for loser in losers] == [control.ALREADY_RUNNING] * (count - 1)
        (winner,) = set(children) - set(losers)
        with quiet.wire() as wire:
            assert wire.result("health")["pid"] == winner.pid
    finally:
        for child in children:
            child.terminate()


def test_of_twenty_starts_at_once_one_succeeds(quiet: Daemon) -> None:
    outcomes: list[str] = []

    def start() -> None:
        try:
            quiet.start()
            outcomes.append("started")
        except AlreadyRunning:
            outcomes.append("already running")

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["already running"] * 19 + ["started"]


def test_what_was_acknowledged_survives_a_crash_of_the_daemon(daemon: Daemon) -> None:
    with daemon.wire() as wire:
        sent = wire.result("message.send", content="kept", mentions=["@alice"], caller_agent_id="bob")
        daemon.kill()
    send(daemon.paths, "sent without a daemon", "@alice")
    daemon.start()
    with daemon.wire() as wire:
        listed = wire.result("message.list", caller_agent_id="alice")["messages"]
    assert len(listed) == 2
    assert sent["message_id"] in {message["message_id"] for message in listed}
