"""Other users of this machine cannot connect to the daemon or read its files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.daemon.conftest import DEADLINE, Daemon
from thrum_mcp.daemon.process import control, file_names
from thrum_mcp.daemon.process.errors import DaemonFailed
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store import setup
from thrum_store.errors import Unsupported
from thrum_store.machine.host import REAL
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths

NOBODY = 65534
CONNECT = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(20)
try:
    peer.connect(sys.argv[2])
    peer.sendall(b'{"jsonrpc":"2.0","id":1,"method":"health"}\\n')
    print("in" if peer.recv(1) else "shut out")
except OSError as error:
    print(type(error).__name__)
"""
READ = """
import os, sys
os.setuid(int(sys.argv[1]))
print(sum(os.access(path, os.R_OK, follow_symlinks=False) for path in sys.argv[2:]))
"""

OPEN = """
import os, sys
import encodings.ascii
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.repository import obstacles, paths
from thrum_store.errors import ThrumError
from thrum_store.machine import storage_errors
storage_errors.owner_of(sys.argv[2])
from thrum_store.machine.host import REAL
from thrum_store.repository import claims
daemon_status(paths.initialized(sys.argv[2]), REAL)  # loads what the interpreter needs
os.setuid(int(sys.argv[1]))
try:
    daemon_status(paths.initialized(sys.argv[2]), REAL)
except ThrumError as error:
    print(error.message, error.hint, sep="|")
"""

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


def as_nobody(script: str, *arguments: str) -> str:
    """Return the output of a script that runs as another user."""
    # The interpreter itself may lie where only root may look: it is loaded before the change.
    done = subprocess.run(
        [sys.executable, "-c", script, str(NOBODY), *arguments],
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def opened_up(path: Path) -> None:
    """Open the directories above to everybody, so that only the file itself is protected."""
    for above in path.parents:
        if above.stat().st_uid == os.getuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)


def test_everything_the_daemon_keeps_is_for_its_owner(daemon: Daemon) -> None:
    var = Path(daemon.paths.var)
    # Git writes its index as it likes; the directory shields it.
    kept = [path for path in (var, *var.rglob("*")) if not path.is_symlink() and path.name != "sync.index"]
    assert {path.name: oct(path.stat().st_mode) for path in kept if path.stat().st_mode & 0o077} == {}
    names = {path.name for path in kept}
    assert {"thrum.sock", "thrum.pid", "ws.port", "ws.token", "daemon.lock", "daemon.log"} <= names


def test_the_socket_is_for_its_owner_alone(daemon: Daemon) -> None:
    mode = os.stat(file_names.usual_socket(daemon.paths)).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@as_root
def test_another_user_reads_nothing_even_where_the_directories_are_open(daemon: Daemon) -> None:
    opened_up(Path(file_names.usual_socket(daemon.paths)))
    files = [
        file_names.usual_socket,
        file_names.pid_file,
        file_names.port_file,
        file_names.token_file,
        file_names.log_file,
        file_names.lease,
    ]
    assert as_nobody(READ, *(file(daemon.paths) for file in files)) == "0"


@as_root
def test_another_user_is_told_whose_it_is(daemon: Daemon) -> None:
    opened_up(Path(daemon.paths.var))
    answer = as_nobody(OPEN, daemon.paths.root)
    assert answer == f"{daemon.paths.thrum} belongs to another user|work in a clone of your own"
    for directory in (daemon.paths.thrum, daemon.paths.var):
        os.chmod(directory, 0o755)
    message, _, hint = as_nobody(OPEN, daemon.paths.root).partition("|")
    assert message.startswith("cannot open") and "its owner" in hint


@as_root
def test_another_user_cannot_connect(daemon: Daemon) -> None:
    path = Path(file_names.usual_socket(daemon.paths))
    opened_up(path)
    assert as_nobody(CONNECT, str(path)) == "PermissionError"


@as_root
def test_another_user_is_shut_out_even_where_the_socket_is_open_to_all(daemon: Daemon) -> None:
    """The kernel tells the user of the peer, so the mode of the socket is not its only protection."""
    path = Path(file_names.usual_socket(daemon.paths))
    opened_up(path)
    path.chmod(0o666)
    assert as_nobody(CONNECT, str(path)) in ("shut out", "ConnectionResetError", "BrokenPipeError")
    path.chmod(0o600)
    with daemon.wire() as wire:
        assert wire.result("health")["status"] == "ok"


def test_a_path_too_long_for_a_socket_leads_to_one_in_the_runtime_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    root = tmp_path / ("x" * 100)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    repository = paths.find(str(root))
    setup.initialize(repository, setup.Initialize())
    try:
        started = control.start(repository, REAL)
        assert started.socket_path.startswith(str(runtime))
        assert oct(os.stat(started.socket_path).st_mode)[-3:] == "600"
        assert daemon_status(repository, REAL).status == "running"
    finally:
        control.stop(repository, REAL)
    assert not os.path.exists(started.socket_path)
    assert not os.path.exists(file_names.pointer_file(repository))


def test_an_account_without_a_cache_directory_gets_one_for_the_socket(
    repo: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as home:
        monkeypatch.setenv("HOME", home)
        for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        assert os.path.dirname(file_names.short_socket(repo, REAL)) == f"{home}/.cache/thrum"
        assert oct(os.stat(f"{home}/.cache").st_mode)[-3:] == "700"


def test_a_runtime_directory_that_others_can_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    runtime.chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("XDG_CACHE_HOME", str(runtime))
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    with pytest.raises(Unsupported):
        file_names.short_socket(paths.find(str(tmp_path / "repo")), REAL)


def test_where_no_socket_can_be_the_start_fails_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "run"))
    root = tmp_path / ("x" * 100)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    repository = paths.find(str(root))
    setup.initialize(repository, setup.Initialize())
    with pytest.raises(DaemonFailed, match="longer than 107 bytes"):
        control.start(repository, REAL)
    assert not daemon_status(repository, REAL).running
