"""version: which thrum this is, as its installation tells."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

from thrum_store.digest import fingerprint
from thrum_store.host import REAL

from ..command import command
from ..output import Screen, human


@dataclass(frozen=True)
class Version:
    """Which thrum this is. What the installation does not know is null; `build` is the commit it was made from, or a
    hash of the modules; the addresses are those it was published with, or where it was installed from.
    """

    version: str
    build: str | None
    python_version: str
    repo_url: str | None
    website_url: str | None


@command("version", "thrum version", "thrum --version")
def version() -> Version:
    """Show the version, the build and where to read more."""
    return current_version()


def current_version() -> Version:
    """What this installation says of itself."""
    place = _installed()
    head = _read(place, "METADATA").partition("\n\n")[0]
    said = [(key, value) for key, _, value in (line.partition(": ") for line in head.split("\n"))]
    told: dict[str, Any] = json.loads(_read(place, "direct_url.json") or "{}")  # of what was not from an index
    named = (url.partition(", ") for key, url in said if key == "Project-URL")
    urls = {name.lower(): url for name, _, url in named}
    repository = urls.get("repository") or _source(told)
    return Version(
        version=next(value for key, value in said if key == "Version"),
        build=_build(place, told),
        python_version=".".join(str(part) for part in sys.version_info[:3]),
        repo_url=repository,
        website_url=urls.get("documentation") or (f"{repository}#readme" if repository else None),
    )


def _installed() -> str:
    """Where the installer left word of us. `importlib.metadata` would find the same, and takes 20 ms to load."""
    homes = [home for home in sys.path if os.path.isdir(home)]
    found = (os.path.join(home, name) for home in homes for name in os.listdir(home) if _ours(name))
    return next(found, "")


def _ours(name: str) -> bool:
    return name.startswith("thrum-") and name.endswith(".dist-info")


def _read(place: str, name: str) -> str:
    try:
        return REAL.storage.read(os.path.join(place, name)).decode()
    except FileNotFoundError:
        return ""


def _source(told: dict[str, Any]) -> str | None:
    """The web address of the repository that it was installed from, without a user's name or password."""
    if not told:
        return None
    from urllib.parse import urlsplit  # what came from an index needs none of it

    place = _checkout(told)
    noted = told.get("url") if "vcs_info" in told else ""
    parts = urlsplit(str((_git(place, "remote", "get-url", "origin") if place else noted) or ""))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/').removesuffix('.git')}"


def _checkout(told: dict[str, Any]) -> str | None:
    """The git checkout that an editable installation runs from."""
    from urllib.parse import unquote, urlsplit  # as above

    place = unquote(urlsplit(str(told.get("url", ""))).path)
    return place if told.get("dir_info", {}).get("editable") and os.path.exists(f"{place}/.git") else None


def _git(place: str, *words: str) -> str | None:
    from thrum_store.gitinfo import GitRunner  # as above

    return GitRunner(place).asks(*words)


def _build(place: str, told: dict[str, Any]) -> str | None:
    """The commit: noted by the installer, or that of the checkout which an editable installation runs from.

    An installation that knows no commit, as from a wheel, is told from others by its modules.
    """
    if commit := told.get("vcs_info", {}).get("commit_id"):
        return str(commit)[:12]
    if told.get("dir_info", {}).get("editable"):
        checkout = _checkout(told)
        return _git(checkout, "rev-parse", "--short=12", "HEAD") if checkout else None
    return _modules(place)


def _modules(place: str) -> str | None:
    rows = (line.rpartition(",")[0].rpartition(",") for line in _read(place, "RECORD").split("\n"))
    listed = [f"{file} {hashed}" for file, _, hashed in rows if hashed and file.strip('"').endswith(".py")]
    return fingerprint("\n".join(sorted(listed)).encode())[:12] if listed else None


@human.register(Version)
def _version(it: Version, screen: Screen) -> str:
    del screen
    build = f"build {it.build}, " if it.build else ""
    lines = [f"thrum {it.version} ({build}Python {it.python_version})", it.repo_url, it.website_url]
    return "\n".join(line for line in lines if line)
