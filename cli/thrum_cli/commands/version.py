"""version: which thrum this is, as its installation tells."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit

from thrum_cli.command import App, command
from thrum_cli.terminal.output import human
from thrum_store.machine.digest import fingerprint
from thrum_store.model import DISTRIBUTION
from thrum_store.repository.git_runner import GitRunner


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
def version(_: App) -> Version:
    """Show the version, the build and where to read more."""
    return current_version()


def current_version() -> Version:
    """What this installation says of itself."""
    installed = metadata.distribution(DISTRIBUTION)
    told: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")  # of what was not from an index
    named = (url.partition(", ") for url in installed.metadata.get_all("Project-URL") or [])
    urls = {name.lower(): url for name, _, url in named}
    repository = urls.get("repository") or _source(told)
    return Version(
        version=installed.version,
        build=_build(installed, told),
        python_version=".".join(str(part) for part in sys.version_info[:3]),
        repo_url=repository,
        website_url=urls.get("documentation") or (f"{repository}#readme" if repository else None),
    )


def _source(told: dict[str, Any]) -> str | None:
    """The web address of the repository that it was installed from, without a user's name or password."""
    place = _checkout(told)
    url = (
        GitRunner(place).asks("remote", "get-url", "origin") if place else told.get("url") if "vcs_info" in told else ""
    )
    parts = urlsplit(str(url or ""))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/').removesuffix('.git')}"


def _checkout(told: dict[str, Any]) -> str | None:
    """The git checkout that an editable installation runs from."""
    place = unquote(urlsplit(str(told.get("url", ""))).path)
    return place if told.get("dir_info", {}).get("editable") and os.path.exists(f"{place}/.git") else None


def _build(installed: metadata.Distribution, told: dict[str, Any]) -> str | None:
    """The commit: noted by the installer, or that of the checkout which an editable installation runs from.

    An installation that knows no commit, as from a wheel, is told from others by its modules.
    """
    if commit := told.get("vcs_info", {}).get("commit_id"):
        return str(commit)[:12]
    if told.get("dir_info", {}).get("editable"):
        place = _checkout(told)
        return GitRunner(place).asks("rev-parse", "--short=12", "HEAD") if place else None
    return _modules(installed)


def _modules(installed: metadata.Distribution) -> str | None:
    listed = [f"{file} {file.hash.value}" for file in installed.files or () if file.hash and file.suffix == ".py"]
    return fingerprint("\n".join(sorted(listed)).encode())[:12] if listed else None


@human.register(Version)
def _version(it: Version) -> str:
    build = f"build {it.build}, " if it.build else ""
    lines = [f"thrum {it.version} ({build}Python {it.python_version})", it.repo_url, it.website_url]
    return "\n".join(line for line in lines if line)
