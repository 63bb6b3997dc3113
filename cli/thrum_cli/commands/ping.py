"""ping: the presence of one agent."""

from __future__ import annotations

from thrum_cli.command import App, Argument, command
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago, plural
from thrum_store.service.team import team as teams
from thrum_store.service.team.team import Ping


@command("ping", "thrum ping @reviewer", "thrum ping builder", options=(Argument("agent", complete="addresses"),))
def ping(app: App, agent: str) -> Ping:
    """Check whether an agent is active."""
    return teams.ping(app.store, agent)


@human.register(Ping)
def _ping(found: Ping, screen: Screen) -> str:
    seen = "waiting for mail" if found.waiting else f"seen {ago(found.last_seen_at, screen.now_ms)}"
    lines = [f"@{found.address}: {found.status}, {seen}"]
    rows = (("Intent", found.intent), ("Task", found.current_task), ("Branch", found.branch))
    lines += [f"  {name}: {value}" for name, value in rows if value]
    lines += [f"  {plural(found.inbox_unread, 'unread message')}"] if found.inbox_unread else []
    return "\n".join(lines)
