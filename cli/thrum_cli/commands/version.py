"""version: the version, the build and the addresses of this installation."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit

from thrum_cli.command import App, command
from thrum_cli.terminal.output import human
from thrum_store import values
from thrum_store.errors import ThrumError
from thrum_store.identity import DISTRIBUTION
from thrum_store.log.events import fingerprint
from thrum_store.repository.git_runner import GitRunner
from thrum_store.values import Record

INTERFACE = "0.6.3"


class Version(Record):
    """The version of this installation; unknown values are null.

    `interface` is the version of the Go program whose commands, keys and files it follows. `build` is the commit it was
    built from, or a hash of its modules. The addresses are those it was published with, or the repository it was
    installed from.
    """

    version: str
    build: str | None
    python_version: str
    repo_url: str | None
    website_url: str | None
    interface: str = INTERFACE


@command("version", "thrum version", "thrum --version")
def version(_: App) -> Version:
    """Show the version, the build and where to read more."""
    return current_version()


def current_version() -> Version:
    """Return the version of this installation."""
    installed = metadata.distribution(DISTRIBUTION)
    # Installers write this file for an installation that does not come from an index.
    source: dict[str, Any] = values.loads(installed.read_text("direct_url.json") or "{}")
    named = (url.partition(", ") for url in installed.metadata.get_all("Project-URL") or [])
    urls = {name.lower(): url for name, _, url in named}
    repository = urls.get("repository") or _repository(source)
    return Version(
        version=installed.version,
        build=_build(installed, source),
        python_version=".".join(str(part) for part in sys.version_info[:3]),
        repo_url=repository,
        website_url=urls.get("documentation") or (f"{repository}#readme" if repository else None),
    )


def _repository(source: dict[str, Any]) -> str | None:
    """Return the web address of the repository it was installed from, without a user name or password."""
    place = _checkout(source)
    url = _asked(place, "remote", "get-url", "origin") if place else source.get("url") if "vcs_info" in source else ""
    parts = urlsplit(str(url or ""))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/').removesuffix('.git')}"


def _asked(place: str, *arguments: str) -> str | None:
    """Return the answer of git, or None where it does not work: the version is shown all the same."""
    try:
        return GitRunner(place).asks(*arguments)
    except ThrumError:
        return None


def _checkout(source: dict[str, Any]) -> str | None:
    """Return the git checkout that an editable installation runs from."""
    place = unquote(urlsplit(str(source.get("url", ""))).path)
    return place if source.get("dir_info", {}).get("editable") and os.path.exists(f"{place}/.git") else None


def _build(installed: metadata.Distribution, source: dict[str, Any]) -> str | None:
    """Return the commit noted by the installer, or that of an editable installation's checkout.

    For an installation that knows no commit, as from a wheel, return a hash of its modules.
    """
    if commit := source.get("vcs_info", {}).get("commit_id"):
        return str(commit)[:12]
    if source.get("dir_info", {}).get("editable"):
        place = _checkout(source)
        return _asked(place, "rev-parse", "--short=12", "HEAD") if place else None
    return _modules(installed)


def _modules(installed: metadata.Distribution) -> str | None:
    listed = [f"{file} {file.hash.value}" for file in installed.files or () if file.hash and file.suffix == ".py"]
    return fingerprint("\n".join(sorted(listed)).encode())[:12] if listed else None


@human.register(Version)
def _version(version: Version) -> str:
    build = f"build {version.build}, " if version.build else ""
    first = f"thrum {version.version} ({build}Python {version.python_version})"
    follows = f"Follows the interface of thrum {version.interface}"
    lines = [first, version.repo_url, version.website_url, follows]
    return "\n".join(line for line in lines if line)
