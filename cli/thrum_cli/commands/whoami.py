"""whoami: the caller's identity, and where it comes from."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago
from thrum_store.service.team import agents
from thrum_store.service.team.agents import WhoAmI


@command("whoami", "thrum whoami", "THRUM_NAME=builder thrum whoami --json")
def whoami(app: App) -> WhoAmI:
    """Show your identity and where it comes from."""
    return agents.whoami(app.store, app.caller)


@human.register(WhoAmI)
def _whoami(who: WhoAmI, screen: Screen) -> str:
    return card("You", _told(who, screen.now_ms), screen)


def _told(who: WhoAmI, now_ms: int) -> list[tuple[str, str | None]]:
    session = f"{who.session_id} (started {ago(who.session_start, now_ms)})" if who.session_id else None
    from_where = {"file": who.identity_file, "environment": "THRUM_NAME", "flag": "--name"}
    return [
        ("Agent", f"@{who.address}" if who.registered else f"@{who.address} (not registered: thrum quickstart)"),
        ("Role", who.role and f"@{who.role}"),
        ("Module", who.module),
        ("Display", who.display),
        ("Intent", who.intent),
        ("Session", session or "none (thrum session start)"),
        ("Branch", who.branch),
        ("Worktree", who.worktree),
        ("Known by", from_where.get(who.source, who.source)),
    ]
