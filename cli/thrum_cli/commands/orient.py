"""whoami, version: where am I, and who?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata

from thrum_store.service import agents
from thrum_store.service.agents import WhoAmI

from ..app import App
from ..command import command, pass_app
from ..output import Screen, human
from ..text import ago, fields


@dataclass(frozen=True)
class Version:
    """Which thrum this is. What the installation does not know is null."""

    version: str
    build: str | None
    python_version: str
    repo_url: str | None
    docs_url: str | None


@command("whoami", "thrum whoami", "THRUM_NAME=builder thrum whoami --json")
@pass_app
def whoami(app: App) -> WhoAmI:
    """Show your identity and where it comes from."""
    return agents.whoami(app.store, app.caller)


@command("version", "thrum version")
def version() -> Version:
    """Show the version, the build and where to read more."""
    return current_version()


def current_version() -> Version:
    """What this installation says of itself."""
    installed = metadata.distribution("thrum")
    named = (url.partition(", ") for url in installed.metadata.get_all("Project-URL") or [])
    urls = {name.lower(): url for name, _, url in named}
    python = ".".join(str(part) for part in sys.version_info[:3])
    return Version(installed.version, None, python, urls.get("repository"), urls.get("documentation"))


@human.register(WhoAmI)
def _whoami(who: WhoAmI, screen: Screen) -> str:
    return fields(_told(who, screen.now_ms))


def _told(who: WhoAmI, now_ms: int) -> list[tuple[str, str | None]]:
    session = f"{who.session_id} (started {ago(who.session_start, now_ms)})" if who.session_id else None
    from_where = {"file": who.identity_file, "environment": "THRUM_NAME", "flag": "--name"}
    return [
        ("Agent", f"@{who.agent_id}" if who.registered else f"@{who.agent_id} (not registered: thrum quickstart)"),
        ("Role", who.role and f"@{who.role}"),
        ("Module", who.module),
        ("Display", who.display),
        ("Session", session or "none (thrum session start)"),
        ("Branch", who.branch),
        ("Worktree", who.worktree),
        ("Known by", from_where.get(who.source, who.source)),
    ]


@human.register(Version)
def _version(it: Version, screen: Screen) -> str:
    del screen
    build = f"build {it.build}, " if it.build else ""
    lines = [f"thrum {it.version} ({build}Python {it.python_version})", it.repo_url, it.docs_url]
    return "\n".join(line for line in lines if line)
