"""A remote that is away, hangs, refuses or asks: a sync ends with a sentence, and nothing else notices."""

from __future__ import annotations

import fcntl
import os
import re
import select
import subprocess
import sys
import termios
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.sync.clones import git
from tests.sync.conftest import Pair
from tests.sync.forging import Stranger
from tests.sync.test_hostile_branch import repo_of
from thrum_store.repository.git_runner import GitRunner
from thrum_store.service.upkeep import doctor
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.findings import Finding
from thrum_store.sync.remote import public_remote
from thrum_store.sync.remote.branch import Branch, PushRejected, Unreachable
from thrum_store.sync.remote.public_remote import DoubtfulRemote, PublicRemote


def script(path: Path, body: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_remote_that_refuses_is_named_and_not_asked_over_and_over(pair: Pair) -> None:
    log = pair.remote.root / "asked"
    hook = pair.remote.root / "hooks" / "pre-receive"
    script(hook, f'echo asked >> "{log}"; echo "a-sync is protected here" >&2; exit 1')
    pair.ours.send("alice", "try", "@bob")
    with pytest.raises(PushRejected, match="pre-receive hook declined"):
        pair.ours.sync()
    status = pair.ours.status()
    assert status.sync_state == "error" and "pre-receive" in (status.last_error or "") and status.ahead == 1
    assert len(log.read_text(encoding="utf-8").splitlines()) <= 5
    hook.unlink()
    assert pair.ours.sync().pushed
    assert pair.ours.status().last_error is None


def test_where_another_machine_is_faster_the_sync_begins_again(pair: Pair) -> None:
    """The remote lets somebody else in first, once, at the moment of our push."""
    pair.theirs.send("bob", "me first", "@alice")
    with pair.theirs.open() as store:
        store.catch_up()
    flag = pair.remote.root / "once"
    other = git(pair.remote.root, "commit-tree", f"{pair.remote.tip}^{{tree}}", "-p", pair.remote.tip, "-m", "faster")
    hook = pair.remote.root / "hooks" / "pre-receive"
    script(
        hook,
        f'[ -e "{flag}" ] && exit 0; touch "{flag}"; unset GIT_QUARANTINE_PATH\n'
        f"git update-ref refs/heads/a-sync {other}",
    )
    assert pair.theirs.sync().pushed
    assert pair.remote.tip != other
    pair.ours.sync()
    assert "me first" in pair.ours.contents()


def test_a_silent_remote_is_left_alone_with_all_it_started(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script(tmp_path / "ssh", f'echo $$ >> "{pids}"; exec sleep 300')))
    git_runner = GitRunner(str(pair.ours.root))
    done = git_runner.talk("ls-remote", "ssh://localhost/nowhere.git", silence=0.5)
    assert done.status != 0 and "was silent" in done.err
    for pid in pids.read_text(encoding="utf-8").split():
        assert ended(int(pid))


def ended(pid: int) -> bool:
    """Return whether a process that is not our child ends within five seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 5)[0])
    finally:
        os.close(handle)


def test_nobody_is_asked_for_a_password(pair: Pair, tmp_path: Path) -> None:
    """Even where there is a terminal to ask on."""
    asked = tmp_path / "asked"
    ssh = script(tmp_path / "ssh", f'if (exec </dev/tty) 2>/dev/null; then echo tty > "{asked}"; fi; exit 255')
    pair.ours.git("remote", "set-url", "origin", "ssh://localhost/nowhere.git")
    program = (
        "import sys; from thrum_store.repository import paths; from thrum_store.store import open_store\n"
        "from thrum_store.sync.remote.branch import Branch\nfrom thrum_store.machine.host import REAL\n"
        "try: Branch(paths.find(sys.argv[1]), REAL, 'origin').fetch()\n"
        "except Exception as error: print(error.code)"
    )
    leader, terminal = os.openpty()

    def own_the_terminal() -> None:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    environment = {**os.environ, "GIT_SSH_COMMAND": str(ssh), "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program, str(pair.ours.root)], env=environment, stdin=terminal, capture_output=True,
        preexec_fn=own_the_terminal, check=True,
    )  # fmt: skip
    os.close(leader)
    os.close(terminal)
    assert done.stdout.decode().strip() == "remote_unreachable"
    assert not asked.exists()


@pytest.mark.parametrize(
    ("output", "why", "hint"),
    [
        ("ssh: Could not resolve hostname x: Name or service not known\r", "its host is not known", "get-url origin"),
        ("ssh: connect to host x port 22: Connection refused\r", "does not answer", "tries again"),
        ("Host key verification failed.\r", "does not know that server", "git fetch origin"),
        ("git@x: Permission denied (publickey).\r", "asks nobody", "GIT_TERMINAL_PROMPT=0 git fetch origin"),
        ("ERROR: Repository not found.", "no repository, or none that you may see", "get-url origin"),
        ("something new", "something new", "git fetch origin"),
    ],
)
def test_what_is_wrong_with_a_remote_is_a_sentence_and_what_to_do(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, why: str, hint: str
) -> None:
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script(tmp_path / "ssh", f"printf '{output}\\n' >&2; exit 255")))
    pair.ours.git("remote", "set-url", "origin", "ssh://localhost/nowhere.git")
    with pytest.raises(Unreachable, match="cannot fetch from 'origin'") as raised, pair.ours.open() as store:
        Branch(store.paths, store.host, "origin").fetch()
    assert why in raised.value.message and hint in (raised.value.hint or "")


@pytest.mark.parametrize("name", ["--upload-pack=touch sprung", "-oProxyCommand=x", "a/../b", "x y"])
def test_a_remote_with_a_strange_name_is_not_used(pair: Pair, name: str) -> None:
    config = pair.ours.root / ".git" / "config"
    config.write_text(f'{config.read_text()}\n[remote "{name}"]\n\turl = /nowhere\n[thrum]\n\tremote = "{name}"\n')
    with pytest.raises(Exception, match="thrum.remote"):
        pair.ours.sync()
    assert not (pair.ours.root / "sprung").exists()


def test_a_transport_that_runs_programs_is_refused(pair: Pair) -> None:
    sprung = pair.ours.root / "sprung"
    pair.ours.git("remote", "set-url", "origin", f"ext::sh -c touch% {sprung}")
    pair.ours.git("config", "protocol.ext.allow", "always")
    with pytest.raises(Unreachable):
        pair.ours.sync()
    assert not sprung.exists()


# --- who can read the remote ----------------------------------------------------------------------------------------


class Closed(BaseHTTPRequestHandler):
    """A server that wants a password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        del format, args


class Open(SimpleHTTPRequestHandler):
    """A server that shows files to everyone."""

    def log_message(self, format: str, *args: object) -> None:
        del format, args


def serve(handler: partial[Open] | type[Closed]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_what_anyone_can_read_is_refused_unless_that_very_remote_is_allowed(pair: Pair) -> None:
    git(pair.remote.root, "update-server-info")
    server = serve(partial(Open, directory=str(pair.remote.root.parent)))
    try:
        url = f"http://127.0.0.1:{server.server_port}/remote.git"
        pair.ours.git("remote", "set-url", "origin", url)
        pair.ours.send("alice", "secret", "@bob")
        with pytest.raises(PublicRemote, match="anyone can read"):
            pair.ours.sync()
        assert pair.ours.status().last_error_code == "public_remote"
        pair.ours.git("config", "--local", "--add", "thrum.publicRemote", "http://127.0.0.1/another.git")
        with pytest.raises(PublicRemote):
            pair.ours.sync()
        pair.ours.git("config", "--local", "--add", "thrum.publicRemote", url)
        with pytest.raises(Unreachable, match="http"):  # let through, and then plain http is no transport of ours
            pair.ours.sync()
    finally:
        server.shutdown()
        server.server_close()


def test_what_asks_a_stranger_for_a_password_is_not_public(pair: Pair) -> None:
    server = serve(Closed)
    try:
        pair.ours.git("remote", "set-url", "origin", f"http://127.0.0.1:{server.server_port}/remote.git")
        with pytest.raises(Unreachable):
            pair.ours.sync()
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_does_not_answer_is_not_taken_for_a_private_one(pair: Pair) -> None:
    server = serve(Closed)
    server.shutdown()
    server.server_close()
    url = f"http://127.0.0.1:{server.server_port}/remote.git"
    pair.ours.git("remote", "set-url", "origin", url)
    with pytest.raises(Unreachable, match="does not answer"):
        pair.ours.sync()


class Odd(Closed):
    """A server that answers with something that git does not understand."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        self.wfile.write(b"0000")


def test_where_nobody_can_tell_nothing_is_published(pair: Pair) -> None:
    server = serve(Odd)
    try:
        pair.ours.git("remote", "set-url", "origin", f"http://127.0.0.1:{server.server_port}/remote.git")
        with pytest.raises(DoubtfulRemote):
            pair.ours.sync()
    finally:
        server.shutdown()
        server.server_close()


def test_each_url_of_a_push_is_asked(pair: Pair) -> None:
    git(pair.remote.root, "update-server-info")
    published = git(pair.remote.root, "rev-parse", "a-sync")
    server = serve(partial(Open, directory=str(pair.remote.root.parent)))
    try:
        url = f"http://127.0.0.1:{server.server_port}/remote.git"
        pair.ours.git("remote", "set-url", "--add", "--push", "origin", str(pair.remote.root))
        pair.ours.git("remote", "set-url", "--add", "--push", "origin", url)
        pair.ours.send("alice", "secret", "@bob")
        with pytest.raises(PublicRemote, match=re.escape(url)):
            pair.ours.sync()
        assert git(pair.remote.root, "rev-parse", "a-sync") == published
    finally:
        server.shutdown()
        server.server_close()


class Proxy(Closed):
    """A proxy that notes for which hosts it is asked, and leads nowhere."""

    asked: ClassVar[list[str]] = []

    def do_CONNECT(self) -> None:
        self.asked.append(self.path)
        self.send_error(502)


@pytest.mark.parametrize(
    "url", ["git@github.com-work:team/code.git", "ssh://git@work:2222/team/code.git", "work_2:team/code.git"]
)
def test_a_host_that_ssh_knows_under_another_name_is_asked_by_its_real_one(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    server = serve(Proxy)
    configuration = tmp_path / "my config"
    configuration.write_text("Host github.com-work work work_2\n  HostName real.invalid\n  Port 2222\n")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"ssh -F '{configuration}'")
    Proxy.asked.clear()
    try:
        pair.ours.git("config", "http.proxy", f"http://127.0.0.1:{server.server_port}")
        pair.ours.git("remote", "set-url", "origin", url)
        with pytest.raises(Unreachable):
            pair.ours.sync()
        assert Proxy.asked == ["real.invalid:443"]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git@example.com:team/code.git", "https://example.com/team/code.git"),
        ("ssh://git@example.com:2222/team/code.git", "https://example.com/team/code.git"),
        ("https://example.com/team/code.git", "https://example.com/team/code.git"),
        ("/srv/git/code.git", None),
        ("../code.git", None),
        ("file:///srv/git/code.git", None),
    ],
)
def test_a_stranger_would_look_for_the_same_repository(url: str, expected: str | None) -> None:
    assert public_remote.anonymous(url) == expected


def test_a_password_in_a_url_is_neither_shown_nor_kept() -> None:
    assert public_remote.without_credentials("https://me:secret@example.com/x.git") == "https://example.com/x.git"


def told_of_the_sync(pair: Pair) -> list[Finding]:
    """Return the findings of `thrum doctor` about the sync."""
    diagnosis = doctor.examine(str(pair.ours.root), Examine(), environ={})
    return [finding for finding in diagnosis.findings if finding.check == "sync"]


def test_the_doctor_says_that_the_sync_fails_and_what_to_do(pair: Pair) -> None:
    pair.ours.git("remote", "set-url", "origin", "/nowhere.git")
    with pytest.raises(Unreachable):
        pair.ours.sync()
    (finding,) = (
        listed
        for listed in doctor.examine(str(pair.ours.root), Examine(), environ={}).findings
        if listed.check == "sync"
    )
    assert "no repository" in finding.message and "git remote get-url origin" in (finding.hint or "")


def test_the_doctor_says_which_logs_of_others_are_stopped(pair: Pair) -> None:
    stranger = Stranger()
    stranger.message("x", n=9)
    pair.remote.plant(stranger.files(repo_of(pair.ours)))
    pair.ours.sync()
    (finding,) = (
        listed
        for listed in doctor.examine(str(pair.ours.root), Examine(), environ={}).findings
        if listed.check == "sync"
    )
    assert "@mallory" in finding.message and "its own clone" in (finding.hint or "")
