"""Remotes over https and ssh, with what the user has set up for them: credentials, certificates, an ssh command."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sync.clones import git
from tests.sync.conftest import Pair
from tests.sync.test_trouble import script
from thrum_store.sync.remote.branch import Unreachable
from thrum_store.sync.remote.public_remote import PublicRemote

USER, PASSWORD = "robin", "only git's helper knows it"


class Backend(BaseHTTPRequestHandler):
    """Git's own server program behind a password."""

    root = ""
    open_to_all = False
    asked: list[str]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers.get("Authorization") == expected
        self.asked.append(f"{'known' if known else 'unknown'} {self.path}")
        if not (known or self.open_to_all):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.root, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_ADDR": "127.0.0.1", "REMOTE_USER": USER,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }  # fmt: skip
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        process = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, check=True, capture_output=True
        ).stdout
        head, _, content = process.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        self.send_response(next((int(value.split()[0]) for name, value in lines if name == "Status"), 200))
        for name, value in lines:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


class Server(NamedTuple):
    """A running server: its URL, the certificate to believe it by, and what it was asked for."""

    url: str
    certificate: Path
    handler: type[Backend]


@pytest.fixture
def server(pair: Pair, tmp_path: Path) -> Generator[Server]:
    """The pair's remote, served over TLS on loopback."""
    git(pair.remote.root, "config", "http.receivepack", "true")
    handler = type("Here", (Backend,), {"root": str(pair.remote.root.parent), "asked": []})
    certificate, key = certified(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    listening.handle_error = lambda *_: None  # type: ignore[method-assign]  # who does not believe us hangs up
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield Server(f"https://127.0.0.1:{listening.server_port}/remote.git", certificate, handler)
    finally:
        listening.shutdown()
        listening.server_close()


def certified(where: Path) -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (where / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (where / "key.pem").write_bytes(private)
    return where / "certificate.pem", where / "key.pem"


@pytest.fixture
def home(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has told git which certificate to believe and where the password is."""
    home = tmp_path / "home"
    home.mkdir()
    helper = script(home / "helper", f'[ "$1" = get ] && printf "username={USER}\\npassword={PASSWORD}\\n"; exit 0')
    config = f'[http "{server.url}"]\n\tsslCAInfo = "{server.certificate}"\n[credential]\n\thelper = "{helper}"\n'
    (home / ".gitconfig").write_text(config, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_SSL_CAINFO", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return home


def test_two_clones_sync_over_https_with_the_users_credentials(pair: Pair, server: Server, home: Path) -> None:
    assert home.exists()
    for clone in (pair.ours, pair.theirs):
        clone.git("remote", "set-url", "origin", server.url)
    pair.ours.send("alice", "over the wire", "@bob")
    assert pair.ours.sync().pushed
    assert pair.theirs.sync().taken == 1
    assert "over the wire" in pair.theirs.contents()
    pair.theirs.send("bob", "and back", "@alice")
    assert pair.theirs.sync().pushed
    pair.ours.sync()
    assert "and back" in pair.ours.contents()
    assert pair.ours.status().last_error is None


def test_the_question_whether_anyone_can_read_it_carries_no_credentials(pair: Pair, server: Server, home: Path) -> None:
    assert home.exists()
    pair.ours.git("remote", "set-url", "origin", server.url)
    pair.ours.sync()
    asked = server.handler.asked
    assert asked[0].startswith("unknown") and any(line.startswith("known") for line in asked)
    server.handler.open_to_all = True
    pair.theirs.git("remote", "set-url", "origin", server.url)
    with pytest.raises(PublicRemote):
        pair.theirs.sync()


def test_without_a_helper_nobody_is_asked_and_status_says_so(pair: Pair, server: Server, home: Path) -> None:
    (home / "helper").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    pair.ours.git("remote", "set-url", "origin", server.url)
    pair.ours.send("alice", "stays here", "@bob")
    with pytest.raises(Unreachable, match="could not read Username"):
        pair.ours.sync()
    status = pair.ours.status()
    assert (status.sync_state, status.ahead) == ("error", 1)
    assert PASSWORD not in (status.last_error or "")


def test_a_certificate_that_nobody_vouches_for_is_not_believed(pair: Pair, server: Server, home: Path) -> None:
    (home / ".gitconfig").write_text("", encoding="utf-8")
    pair.ours.git("remote", "set-url", "origin", server.url)
    with pytest.raises(Unreachable):
        pair.ours.sync()
    assert server.handler.asked == []


def test_two_clones_sync_over_the_users_ssh_command(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in runs on this machine what ssh would run over there, and notes whom it was to call."""
    called = tmp_path / "called"
    stand_in = script(tmp_path / "ssh", f'echo "$@" >> "{called}"; for last; do :; done; exec sh -c "$last"')
    monkeypatch.setenv("GIT_SSH_COMMAND", str(stand_in))
    for clone in (pair.ours, pair.theirs):
        clone.git("remote", "set-url", "origin", f"ssh://git@localhost{pair.remote.root}")
    pair.ours.send("alice", "through the shell", "@bob")
    assert pair.ours.sync().pushed
    assert pair.theirs.sync().taken == 1
    assert "through the shell" in pair.theirs.contents()
    lines = called.read_text(encoding="utf-8")
    assert "git@localhost git-receive-pack" in lines and "git@localhost git-upload-pack" in lines


def _by_environment(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificate and helper by GIT_CONFIG_COUNT, as containers have it."""
    settings = {"http.sslCAInfo": str(server.certificate), "credential.helper": str(home / "helper")}
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    for place, (key, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{place}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{place}", value)


def _by_header(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header with the password by `git -c`, and the certificate by variable, as integration servers have it."""
    assert home.exists()
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'http.{server.url}.extraheader'='Authorization: Basic {token}'")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))


def _by_askpass(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that knows the password, in GIT_ASKPASS."""
    answers = script(home / "askpass", f'case "$1" in User*) echo "{USER}";; *) echo "{PASSWORD}";; esac')
    monkeypatch.setenv("GIT_ASKPASS", str(answers))
    monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))


def _by_another_global_file(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A global configuration elsewhere, in GIT_CONFIG_GLOBAL."""
    config = f'[http]\n\tsslCAInfo = "{server.certificate}"\n[credential]\n\thelper = "{home / "helper"}"\n'
    (home / 'my "global" file').write_text(config, encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / 'my "global" file'))


def _by_rewritten_address(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address by url.insteadOf in the system's file, the rest in XDG_CONFIG_HOME, without any HOME."""
    (home / "system").write_text(f'[url "{server.url}"]\n\tinsteadOf = "short:it"\n', encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home / "system"))
    (home / "xdg" / "git").mkdir(parents=True)
    config = f'[http]\n\tsslCAInfo = "{server.certificate}"\n[credential]\n\thelper = "{home / "helper"}"\n'
    (home / "xdg" / "git" / "config").write_text(config, encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    monkeypatch.delenv("HOME")


@pytest.mark.parametrize(
    "way", [_by_environment, _by_header, _by_askpass, _by_another_global_file, _by_rewritten_address]
)
def test_access_to_a_remote_counts_however_git_was_given_it(
    pair: Pair, server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[..., None]
) -> None:
    (home / ".gitconfig").write_text("", encoding="utf-8")
    way(server, home, monkeypatch)
    pair.ours.git("remote", "set-url", "origin", "short:it" if way is _by_rewritten_address else server.url)
    pair.ours.send("alice", "with what git was given", "@bob")
    assert pair.ours.sync().pushed
    asked = server.handler.asked
    assert asked[0].startswith("unknown") and any(line.startswith("known") for line in asked)


def test_a_window_that_asks_for_a_password_is_not_opened(
    pair: Pair, server: Server, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = script(tmp_path / "window", f'touch "{tmp_path}/opened"; echo "{PASSWORD}"')
    (home / "helper").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    monkeypatch.setenv("SSH_ASKPASS", str(window))
    monkeypatch.setenv("DISPLAY", ":0")
    pair.ours.git("remote", "set-url", "origin", server.url)
    with pytest.raises(Unreachable, match="could not read Username"):
        pair.ours.sync()
    assert not (tmp_path / "opened").exists()
