"""Refusal of world-readable remotes: each is asked without credentials before anything is published there."""

from __future__ import annotations

import re
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
_SCP = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")
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
    """Check that the remote is not world-readable, unless its URL is allowed.

    Raises PublicRemote, DoubtfulRemote, or Unreachable if the remote does not answer at all.
    """
    url = without_credentials(settings.url)
    asked = anonymous(url)
    if asked is None or settings.url in settings.public or url in settings.public:
        return
    known = state.probes.get(asked)
    if known is None or not 0 <= now_ms - known[1] < _LASTS[known[0]]:
        known = state.probes[asked] = [_answer(asked, _connection(git, asked)), now_ms]
    if known[0] == _PUBLIC:
        raise PublicRemote(url)
    if known[0] == _SILENT and asked == url:  # a server that only speaks ssh does not answer, and is not public
        del state.probes[asked]
        raise Unreachable(f"{url} does not answer", hint="the next sync tries again")


def without_credentials(url: str) -> str:
    """Remove user and password from a URL, to show and keep it."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def anonymous(url: str) -> str | None:
    """Return the https URL of the same repository for somebody without credentials; None for a path on this machine."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return url
    if parts.scheme in ("ssh", "git+ssh", "ssh+git"):
        return f"https://{parts.hostname}/{parts.path.lstrip('/')}"
    match = _SCP.fullmatch(url) if "://" not in url else None
    return f"https://{match[1]}/{match[2].lstrip('/')}" if match else None


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
