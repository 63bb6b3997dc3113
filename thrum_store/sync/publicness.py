"""Can anyone read that remote? Asked without any credentials before something is published there (reliability G11)."""

from __future__ import annotations

import re
import tempfile
from urllib.parse import urlsplit, urlunsplit

from ..errors import Refused
from ..gitinfo import GitRunner
from .settings import Settings
from .state import State

_EVERY = 24 * 3600 * 1000  # milliseconds an answer counts
_SCP = re.compile(r"(?:[^@/:]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")
_NOBODY = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "credential.helper",
    "GIT_CONFIG_VALUE_0": "",
    "NETRC": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "https:http",
}


class PublicRemote(Refused):
    """Raised instead of publishing where anyone could read it."""

    code = "public_remote"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"anyone can read {url}, so nothing is published there",
            hint=f"use a private remote, stay local-only, or allow this one: "
            f"`git config --local --add thrum.publicRemote {url}`",
        )


def check(settings: Settings, state: State, now_ms: int) -> None:
    """Raises PublicRemote where anyone can read what a push publishes, unless that very URL is allowed."""
    url = without_credentials(settings.url)
    if settings.url in settings.public or url in settings.public:
        return
    asked = anonymous(url)
    if asked is None:
        return
    known = state.probes.get(asked)
    if known is None or not 0 <= now_ms - known[1] < _EVERY:
        known = state.probes[asked] = [int(_readable(asked)), now_ms]
    if known[0]:
        raise PublicRemote(url)


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


def _readable(url: str) -> bool:
    """Whether `url` answers somebody who has no home, no configuration and no credentials."""
    with tempfile.TemporaryDirectory() as nowhere:
        git = GitRunner(
            nowhere, {**_NOBODY, "HOME": nowhere, "XDG_CONFIG_HOME": nowhere, "GIT_CEILING_DIRECTORIES": nowhere}
        )
        done = git.talk("ls-remote", "--heads", "--", url, silence=20.0); import sys; sys.stderr.write(repr(done)); return done.status == 0
