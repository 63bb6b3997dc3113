"""The daemon and subscriptions at the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import PATIENCE, Shell, git
from tests.conftest import Two
from tests.daemon.conftest import Daemon, free_port, send
from thrum_mcp.daemon.process import control, file_names, lease
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.identity import Caller
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths
from thrum_store.service.team import sessions
from thrum_store.store import open_store


@pytest.fixture
def alice(repo: Paths, two_agents: Two) -> Iterator[Shell]:
    """alice at her shell with an open session; a daemon that she started is stopped."""
    with open_store(repo) as store:
        sessions.start(store, two_agents.alice)
    yield Shell(Path(repo.root)).having(THRUM_NAME="alice", THRUM_WS_PORT=str(free_port()))
    if lease.is_held(repo, REAL):
        control.stop(repo, REAL)


def test_the_life_of_a_daemon(alice: Shell) -> None:
    stopped = alice.thrum("daemon", "status")
    assert (stopped.code, stopped.out.splitlines()[0]) == (1, "Daemon: not running")
    started = alice.json("daemon", "start")
    assert set(started) == {"pid", "repo_path", "socket_path", "ws_port", "local_only"}
    assert str(started["ws_port"]) == alice.variables["THRUM_WS_PORT"]
    shown = dict(line.split(": ", 1) for line in alice.ok("daemon", "status").splitlines())
    assert shown["Daemon"].strip() == f"running (pid {started['pid']})"
    assert shown["Repository"].strip() == started["repo_path"] == str(alice.cwd)
    assert shown["Uptime"].strip().endswith(" s") and shown["Version"].strip() == alice.json("version")["version"]
    assert shown["Clients"].strip() == "none"  # who asks is none of them
    again = alice.thrum("daemon", "start", "--json")
    assert (again.code, again.error["code"]) == (1, "already_running")
    restarted = alice.json("daemon", "restart")
    assert restarted["pid"] != started["pid"]
    assert restarted["ws_port"] == started["ws_port"]
    assert "serving" in alice.ok("daemon", "logs", "--lines", "5")
    assert "stopped" in alice.ok("daemon", "stop")
    failed = alice.thrum("daemon", "stop")
    assert (failed.code, "thrum daemon start" in failed.err) == (1, True)


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff \xfe", "é🧵\udc80".encode("utf-8", "surrogateescape")])
def test_a_daemon_answers_in_a_directory_whose_name_is_no_utf_8(tmp_path: Path, name: bytes) -> None:
    root = tmp_path / os.fsdecode(name)
    root.mkdir()
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
    shell = Shell(root).having(THRUM_WS_PORT=str(free_port()))
    shell.ok("init")
    try:
        assert "started" in shell.ok("daemon", "start", "--local")
        assert shell.json("daemon", "status")["status"] == "running"
    finally:
        shell.thrum("daemon", "stop")


def test_status_and_the_settings_show_the_daemon_with_the_port_it_took(alice: Shell) -> None:
    wanted = int(alice.variables["THRUM_WS_PORT"])
    state = alice.json("status")
    assert (state["sync"]["daemon_status"], state["sync"]["local_only"], state["websocket_port"]) == (
        "stopped", True, None,
    )  # fmt: skip
    assert alice.json("config", "show")["daemon"]["ws_port_in_use"] is None
    assert "Port in use" not in alice.ok("config", "show")
    with socket.create_server(("127.0.0.1", wanted)):
        port = alice.json("daemon", "start")["ws_port"]
    assert port != wanted
    state = alice.json("status")
    assert (state["sync"]["daemon_status"], state["websocket_port"]) == ("running", port)
    shown = dict(line.split(":", 1) for line in alice.ok("status").splitlines())
    assert (shown["Daemon"].strip(), shown["WebSocket"].strip()) == ("running", f"ws://localhost:{port}")
    assert "local-only" in shown["Sync"]
    settings = alice.json("config", "show")["daemon"]
    assert (settings["ws_port"]["value"], settings["ws_port_in_use"]) == (wanted, port)
    assert f"Port in use    {port}" in alice.ok("config", "show")


def test_status_as_json_always_succeeds(alice: Shell) -> None:
    assert alice.json("daemon", "status")["status"] == "stopped"
    alice.ok("daemon", "start", "--quiet")
    status = alice.json("daemon", "status")
    assert (status["running"], status["status"]) == (True, "running")
    assert alice.json("prime")["sync_state"]["daemon_status"] == "running"
    assert {part["name"] for part in status["health"]["parts"]} == {"push", "socket", "websocket", "git", "backup"}


def test_local_and_remote_are_kept(alice: Shell) -> None:
    config = alice.cwd / ".thrum" / "config.json"
    for flag, expected in (("--remote", False), ("--local", True)):
        assert alice.json("daemon", "restart", flag)["local_only"] is expected
        assert json.loads(config.read_text(encoding="utf-8"))["local_only"] is expected


def test_the_mode_that_is_shown_is_the_one_of_the_daemon_that_runs(alice: Shell) -> None:
    elsewhere = alice.having(THRUM_LOCAL="0")
    assert "normal" in elsewhere.ok("sync", "status")
    alice.ok("daemon", "start", "--local")
    assert "local-only" in elsewhere.ok("sync", "status")


def test_a_daemon_that_does_not_answer_is_shown_with_what_to_do(alice: Shell, repo: Paths) -> None:
    alice.ok("daemon", "start")
    os.unlink(file_names.usual_socket(repo))
    shown = alice.ok("daemon", "status")
    assert "not answering" in shown and "thrum daemon restart" in shown
    alice.ok("daemon", "restart")
    assert "not answering" not in alice.ok("daemon", "status")


def test_run_in_the_foreground_logs_to_the_terminal_and_ends_on_ctrl_c(alice: Shell, repo: Paths) -> None:
    child = alice.start("daemon", "run")
    try:
        assert child.stderr is not None
        serving = child.stderr.readline().decode()
        assert all(part in serving for part in ("serving", alice.variables["THRUM_WS_PORT"], repo.root, "local-only"))
        assert daemon_status(repo, REAL).pid == child.pid
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE) == 0
    finally:
        child.kill()
        child.communicate()


def test_nothing_of_the_repository_is_imported(alice: Shell) -> None:
    """A repository may hold a file that is named like one of our modules, or of Python's."""
    for name in ("json", "socket", "anyio", "thrum_mcp", "logging"):
        (alice.cwd / f"{name}.py").write_text("raise SystemExit('hijacked')\n", encoding="utf-8")
    done = alice.run("daemon", "start")
    assert done.code == 0, done


def test_subscribing_listing_and_unsubscribing(alice: Shell) -> None:
    assert "No active subscriptions." in alice.ok("subscriptions")
    assert "thrum watch" in alice.ok("subscribe", "--scope", "module:auth")
    assert alice.json("subscribe", "--mention", "@planner")["subscription_id"] == 2
    alice.ok("subscribe", "--all")
    subscriptions = alice.json("subscriptions")["subscriptions"]
    assert [(each["scope_type"], each["scope_value"], each["mention_role"], each["all"]) for each in subscriptions] == [
        ("module", "auth", None, False),
        (None, None, "planner", False),
        (None, None, None, True),
    ]
    assert alice.json("unsubscribe", "2") == {"removed": True, "subscription_id": 2}
    assert [each["id"] for each in alice.json("subscriptions")["subscriptions"]] == [1, 3]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("subscribe",), "invalid"),
        (("subscribe", "--all", "--scope", "a:b"), "invalid"),
        (("subscribe", "--scope", "nonsense"), "invalid"),
        (("subscribe", "--mention", "two words"), "invalid"),
        (("unsubscribe", "7"), "not_found"),
        (("unsubscribe", "x"), "usage"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused(alice: Shell, arguments: tuple[str, ...], code: str) -> None:
    answer = alice.thrum(*arguments, "--json")
    assert (answer.code, answer.error["code"]) == (1, code)


def test_subscriptions_need_a_session(alice: Shell) -> None:
    alice.ok("session", "end")
    for arguments in (("subscribe", "--all"), ("subscriptions",), ("watch",)):
        answer = alice.thrum(*arguments, "--json")
        assert (answer.code, answer.error["code"]) == (1, "unknown_session")


def test_subscriptions_survive_a_rebuilt_view_and_end_with_the_session(alice: Shell, repo: Paths) -> None:
    alice.ok("subscribe", "--all")
    with open_store(repo) as store:
        store.rebuild()
    assert len(alice.json("subscriptions")["subscriptions"]) == 1
    alice.ok("session", "start")
    assert alice.json("subscriptions")["subscriptions"] == []


@pytest.mark.parametrize("with_daemon", [False, True])
def test_watch_shows_what_was_subscribed_to_as_it_arrives(alice: Shell, repo: Paths, with_daemon: bool) -> None:
    if with_daemon:
        Daemon(repo).start()
    alice.ok("subscribe", "--scope", "module:auth")
    child = alice.start("--json", "watch", "--count", "2")
    try:
        assert child.stdout is not None
        wanted: list[str] = []
        while child.poll() is None:
            send(repo, "not this", "@alice")
            wanted.append(send(repo, f"this {len(wanted)}", "@alice", scopes=("module:auth",)))
        notifications = [json.loads(line) for line in child.stdout]
        assert child.returncode == 0
        first = wanted.index(notifications[0]["message_id"])
        assert [each["message_id"] for each in notifications] == wanted[first : first + 2]
    finally:
        child.kill()
        child.communicate()


def test_watch_shows_hostile_text_as_text(alice: Shell, repo: Paths) -> None:
    alice.ok("subscribe", "--all")
    child = alice.start("watch", "--count", "1")
    try:
        assert child.stdout is not None
        while child.poll() is None:
            send(repo, "\x1b]0;owned\x07\x01bold\u202e", "@alice")
        out = child.stdout.read().decode()
    finally:
        child.kill()
        child.communicate()
    assert {letter for letter in out if ord(letter) < 32} == {"\n"}
    assert "\u202e" not in out


def test_watch_without_subscriptions_says_so_and_goes_on(alice: Shell, repo: Paths) -> None:
    child = alice.start("watch", "--count", "1")
    try:
        assert child.stderr is not None
        assert b"thrum subscribe --all" in child.stderr.readline()
        alice.ok("subscribe", "--all")
        while child.poll() is None:
            send(repo, "now", "@alice")
        assert child.returncode == 0
    finally:
        child.kill()
        child.communicate()


def test_watch_ends_with_the_session(alice: Shell, repo: Paths) -> None:
    alice.ok("subscribe", "--all")
    child = alice.start("watch")
    try:
        while not any(name.startswith("all.") for name in os.listdir(repo.bells)):
            assert child.poll() is None
        while child.poll() is None:  # it may take up the session only now
            with open_store(repo) as store:
                sessions.start(store, Caller("alice", worktree="main"))
        assert child.returncode == 1
    finally:
        child.kill()
        child.communicate()


def test_the_commands_for_every_day_load_nothing_of_the_daemon() -> None:
    script = "import sys; import thrum_cli.commands.send, thrum_cli.commands.wait; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.startswith(("thrum_mcp", "websockets", "anyio", "pydantic"))]


def test_the_daemon_commands_load_neither_pydantic_nor_an_event_loop() -> None:
    script = "import sys; import thrum_cli.commands.daemon, thrum_cli.commands.subscribe; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {
        "pydantic",
        "anyio",
        "websockets",
        "asyncio",
        "mcp",
        "rich",
        "git",
        "cryptography",
    }
