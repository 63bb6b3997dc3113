"""whoami: the caller's identity, and where it comes from."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card
from thrum_cli.terminal.output import Screen, ago, human
from thrum_store.service.team import whoami as service
from thrum_store.service.team.whoami import WhoAmI


@command("whoami", "thrum whoami", "THRUM_NAME=builder thrum whoami --json")
def whoami(app: App) -> WhoAmI:
    """Show your identity and where it comes from."""
    return service.whoami(app.store, app.caller)


@human.register(WhoAmI)
def _whoami(agent: WhoAmI, screen: Screen) -> str:
    session = f"{agent.session} (started {ago(agent.session_start, screen.now_ms)})" if agent.session else None
    sources = {"file": agent.identity_file, "environment": "THRUM_NAME", "flag": "--name"}
    registration = "" if agent.registered else f" (not registered{': thrum quickstart' * screen.hints})"
    rows = [
        ("Agent ID", f"@{agent.address}{registration}"),
        ("Role", agent.role and f"@{agent.role}"),
        ("Module", agent.module),
        ("Display", agent.display),
        ("Intent", agent.intent),
        ("Session", session or f"none{' (thrum session start)' * screen.hints}"),
        ("Branch", agent.branch),
        ("Worktree", agent.worktree),
        ("Source", sources.get(agent.source, agent.source)),
    ]
    return card("You", rows, screen)
