"""version: which thrum this is, as its installation tells."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit

from thrum_store.digest import fingerprint
from thrum_store.gitinfo import GitRunner

from ..command import command
from ..output import Screen, human


@dataclass(frozen=True)
class Version:
    """Which thrum this is. What the installation does not know is null; `build` is the commit it was made from, or a
    hash of the modules.
    """

    version: str
    build: str | None
    python_version: str
    repo_url: str | None
    docs_url: str | None


@command("version", "thrum version", "thrum --version")
def version() -> Version:
    """Show the version, the build and where to read more."""
    return current_version()


def current_version() -> Version:
    """What this installation says of itself."""
    installed = metadata.distribution("thrum")
    named = (url.partition(", ") for url in installed.metadata.get_all("Project-URL") or [])
    urls = {name.lower(): url for name, _, url in named}
    python = ".".join(str(part) for part in sys.version_info[:3])
    return Version(installed.version, _build(installed), python, urls.get("repository"), urls.get("documentation"))


def _build(installed: metadata.Distribution) -> str | None:
    """The commit: noted by the installer, or that of the checkout which an editable installation runs from.

    An installation that knows no commit, as from a wheel, is told from others by its modules.
    """
    told: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")
    if commit := told.get("vcs_info", {}).get("commit_id"):
        return str(commit)[:12]
    place = unquote(urlsplit(str(told.get("url", ""))).path)
    if not told.get("dir_info", {}).get("editable"):
        return _modules(installed)
    return GitRunner(place).asks("rev-parse", "--short=12", "HEAD") if os.path.exists(f"{place}/.git") else None


def _modules(installed: metadata.Distribution) -> str | None:
    listed = [f"{file} {file.hash.value}" for file in installed.files or () if file.hash and file.suffix == ".py"]
    return fingerprint("\n".join(sorted(listed)).encode())[:12] if listed else None


@human.register(Version)
def _version(it: Version, screen: Screen) -> str:
    del screen
    build = f"build {it.build}, " if it.build else ""
    lines = [f"thrum {it.version} ({build}Python {it.python_version})", it.repo_url, it.docs_url]
    return "\n".join(line for line in lines if line)
