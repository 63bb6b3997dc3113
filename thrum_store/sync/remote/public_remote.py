"""Refusal of world-readable remotes: each is asked without credentials before anything is published there."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from urllib.parse import urlsplit, urlunsplit

from thrum_store.errors import Forbidden
from thrum_store.repository.config import GitSettings
from thrum_store.repository.git_runner import SILENT, GitRunner
from thrum_store.sync.state import State

from .branch import Unreachable

_PRIVATE, _PUBLIC, _SILENT = 0, 1, 2
_LASTS = {_PRIVATE: 86_400_000, _PUBLIC: 86_400_000, _SILENT: 3_600_000}  # milliseconds that an answer counts
# What git prints (LC_ALL=C) to somebody without access, and without any answer. Anything else is uncertain.
_CLOSED = ("could not read Username", "could not read Password", "Authentication failed", "not found")
_NO_ANSWER = ("unable to access", SILENT)
_SSH = ("ssh", "git+ssh", "ssh+git")
_HOST = re.compile(r"[A-Za-z0-9.-]+|\[?[0-9A-Fa-f:.]+\]?")
_SCP = re.compile(r"(?:([^@/:]+)@)?([A-Za-z0-9._-]+):(?!//)(.+)")
_SSH_SECONDS = 10.0  # a configuration of ssh may run commands of its own
_ANONYMOUS = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "https:http", "GIT_ASKPASS": "", "SSH_ASKPASS": "",
}  # fmt: skip
_CONNECTION = ("http.proxy", "http.sslcainfo", "http.sslcapath", "http.sslverify")  # settings without credentials


class PublicRemote(Forbidden):
    """Raised if anyone could read what thrum would publish there."""

    code = "public_remote"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"anyone can read {url}, so nothing is published there",
            hint="use a private remote, stay local-only, or allow this one: " + _allowing(url),
        )


class DoubtfulRemote(Forbidden):
    """Raised if thrum cannot tell whether anyone can read the remote."""

    code = "doubtful_remote"

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"thrum cannot tell whether anyone can read {url}: {why}",
            hint="the next sync asks again; or allow this remote: " + _allowing(url),
        )


def _allowing(url: str) -> str:
    return f"`git config --local --add thrum.publicRemote {url}`"


def check(git: GitRunner, settings: GitSettings, state: State, now_ms: int) -> None:
    """Check that no URL of a push is world-readable, unless it is allowed.

    Raises PublicRemote, DoubtfulRemote, or Unreachable if the remote does not answer at all.
    """
    for full in settings.urls:
        url = without_credentials(full)
        if not settings.public.intersection((full, url)):
            _check(git, url, state, now_ms)


def _check(git: GitRunner, url: str, state: State, now_ms: int) -> None:
    if anonymous(url) is None:
        return
    known = state.probes.get(url)
    if known is None or not 0 <= now_ms - known[1] < _LASTS[known[0]]:
        asked = anonymous(url, _real_host(git, url)) or url
        known = state.probes[url] = [_answer(asked, _connection(git, asked)), now_ms]
    if known[0] == _PUBLIC:
        raise PublicRemote(url)
    if (
        known[0] == _SILENT and anonymous(url) == url
    ):  # a server that only speaks ssh does not answer, and is not public
        del state.probes[url]
        raise Unreachable(f"{url} does not answer", hint="the next sync tries again")


def without_credentials(url: str) -> str:
    """Remove user and password from a URL, to show and keep it."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def anonymous(url: str, host: str = "") -> str | None:
    """Return the https URL of the same repository for somebody without credentials; None for a path on this machine.

    `host` is the real name of a host that ssh knows under another one.
    """
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return url
    if parts.scheme in _SSH:
        return f"https://{host or parts.hostname}/{parts.path.lstrip('/')}"
    match = _SCP.fullmatch(url) if "://" not in url else None
    return f"https://{host or match[2]}/{match[3].lstrip('/')}" if match else None


def _real_host(git: GitRunner, url: str) -> str:
    """Return the name to which ssh's own configuration leads for the host of a URL; "" if ssh does not say."""
    parts, match = urlsplit(url), _SCP.fullmatch(url)
    user, host = (parts.username, parts.hostname) if "://" in url else (match[1], match[2]) if match else ("", "")
    if not host or parts.scheme in ("http", "https"):
        return ""
    command = os.environ.get("GIT_SSH_COMMAND") or git.asks("config", "--get", "core.sshCommand")
    command = command or shlex.quote(os.environ.get("GIT_SSH") or "ssh")
    line = f"{command} -G {shlex.quote(f'{user}@{host}' if user else host)}"
    # git runs ssh for us, with the user's variables, as it does for a fetch; `-G` asks no server.
    done = git.talk("-c", f"alias.thrum-ssh=!{line}", "thrum-ssh", silence=_SSH_SECONDS)
    names = [entry.partition(" ")[2] for entry in done.out.split("\n") if entry.startswith("hostname ")]
    return names[0] if done.status == 0 and names and _HOST.fullmatch(names[0]) else ""


def _connection(git: GitRunner, url: str) -> dict[str, str]:
    """Return the user's settings for connections to a server: its proxy and its certificates."""
    output = git.asks("config", "--null", "--get-urlmatch", "http", url) or ""
    entries = (entry.partition("\n") for entry in output.split("\0"))
    return {key: value for key, _, value in entries if key in _CONNECTION}


def _answer(url: str, connection: dict[str, str]) -> int:
    """Ask a remote without home, configuration and credentials. Raises DoubtfulRemote."""
    with tempfile.TemporaryDirectory() as nowhere:
        home = {"HOME": nowhere, "XDG_CONFIG_HOME": nowhere, "GIT_CEILING_DIRECTORIES": nowhere}
        variables = {**_ANONYMOUS, **home, "GIT_CONFIG_GLOBAL": f"{nowhere}/none"}
        git = GitRunner(nowhere, variables, {"credential.helper": "", **connection}, anonymous=True)
        done = git.talk("ls-remote", "--heads", "--", url, silence=20.0)
    if done.status == 0:
        return _PUBLIC
    if any(phrase in done.err for phrase in _CLOSED):
        return _PRIVATE
    if any(phrase in done.err for phrase in _NO_ANSWER):
        return _SILENT
    raise DoubtfulRemote(url, done.err)
