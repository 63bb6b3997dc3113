"""Can anyone read that remote? Asked without any credentials before something is published there (reliability G11)."""

from __future__ import annotations

import re
import tempfile
from urllib.parse import urlsplit, urlunsplit

from thrum_store.errors import Refused
from thrum_store.repository.git_runner import GitRunner
from thrum_store.sync.state import State

from .branch import Unreachable, configured
from .settings import Settings

_PRIVATE, _PUBLIC, _SILENT = 0, 1, 2
_LASTS = {_PRIVATE: 86_400_000, _PUBLIC: 86_400_000, _SILENT: 3_600_000}  # milliseconds that an answer counts
# What git says (LC_ALL=C) to somebody who may not read, and where nobody answers. Anything else leaves a doubt.
_CLOSED = ("could not read Username", "could not read Password", "Authentication failed", "not found")
_NO_ANSWER = ("unable to access", "no word from the remote")
_SCP = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")
_NOBODY = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "https:http"}
_WAY = ("http.proxy", "http.sslcainfo", "http.sslcapath", "http.sslverify")  # how one gets there, and not who one is


class PublicRemote(Refused):
    """Raised instead of publishing where anyone could read it."""

    code = "public_remote"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"anyone can read {url}, so nothing is published there",
            hint="use a private remote, stay local-only, or allow this one: " + _allowing(url),
        )


class DoubtfulRemote(Refused):
    """Raised where nothing says whether anyone can read the remote."""

    code = "doubtful_remote"

    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"whether anyone can read {url} could not be found out: {why}",
            hint="the next sync asks again; or allow this remote: " + _allowing(url),
        )


def _allowing(url: str) -> str:
    return f"`git config --local --add thrum.publicRemote {url}`"


def check(git: GitRunner, settings: Settings, state: State, now_ms: int) -> None:
    """Passes where only some can read what a push publishes, or where that very URL is allowed.

    Raises PublicRemote, DoubtfulRemote, or Unreachable where the remote does not answer at all.
    """
    url = without_credentials(settings.url)
    asked = anonymous(url)
    if asked is None or settings.url in settings.public or url in settings.public:
        return
    known = state.probes.get(asked)
    if known is None or not 0 <= now_ms - known[1] < _LASTS[known[0]]:
        known = state.probes[asked] = [_answer(asked, _way(git, asked)), now_ms]
    if known[0] == _PUBLIC:
        raise PublicRemote(url)
    if (
        known[0] == _SILENT and asked == url
    ):  # a server that only speaks ssh is silent here, and is none that anyone reads
        del state.probes[asked]
        raise Unreachable(f"{url} does not answer", hint="the next sync tries again")


def without_credentials(url: str) -> str:
    """A URL as it may be shown and kept."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def anonymous(url: str) -> str | None:
    """Where a stranger would look for the same repository; None for a path on this machine."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return url
    if parts.scheme in ("ssh", "git+ssh", "ssh+git"):
        return f"https://{parts.hostname}/{parts.path.lstrip('/')}"
    match = _SCP.fullmatch(url) if "://" not in url else None
    return f"https://{match[1]}/{match[2].lstrip('/')}" if match else None


def _way(git: GitRunner, url: str) -> dict[str, str]:
    """What the user told git about the way to that server: a proxy, a certificate of their own."""
    told = git.asks("config", "--null", "--get-urlmatch", "http", url) or ""
    entries = (entry.partition("\n") for entry in told.split("\0"))
    return {key: value for key, _, value in entries if key in _WAY}


def _answer(url: str, way: dict[str, str]) -> int:
    """What `url` answers somebody who has no home, no configuration and no credentials. Raises DoubtfulRemote."""
    with tempfile.TemporaryDirectory() as nowhere:
        home = {"HOME": nowhere, "XDG_CONFIG_HOME": nowhere, "GIT_CEILING_DIRECTORIES": nowhere}
        variables = {**_NOBODY, **home, **configured({"credential.helper": "", **way})}
        git = GitRunner(nowhere, {**variables, "GIT_CONFIG_GLOBAL": f"{nowhere}/none"})
        done = git.talk("ls-remote", "--heads", "--", url, silence=20.0)
    if done.status == 0:
        return _PUBLIC
    if any(words in done.err for words in _CLOSED):
        return _PRIVATE
    if any(words in done.err for words in _NO_ANSWER):
        return _SILENT
    raise DoubtfulRemote(url, done.err)
