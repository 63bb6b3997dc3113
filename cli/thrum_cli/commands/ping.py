"""ping: the presence of one agent."""

from __future__ import annotations

from thrum_cli.command import App, Argument, command
from thrum_cli.terminal.output import Screen, ago, human
from thrum_store.service.team import roster
from thrum_store.service.team.roster import Ping
from thrum_store.values import plural


@command("ping", "thrum ping @reviewer", "thrum ping builder", options=(Argument("agent", complete="addresses"),))
def ping(app: App, agent: str) -> Ping:
    """Check whether an agent is active.

    Give its name or its role.
    """
    return roster.ping(app.store, agent)


@human.register(Ping)
def _ping(presence: Ping, screen: Screen) -> str:
    seen = "waiting for messages" if presence.waiting else f"last heartbeat {ago(presence.last_seen_at, screen.now_ms)}"
    lines = [f"@{presence.address}: {presence.status}, {seen}"]
    rows = (("Intent", presence.intent), ("Task", presence.current_task), ("Branch", presence.branch))
    lines += [f"  {name}: {value}" for name, value in rows if value]
    lines += [f"  {plural(presence.inbox_unread, 'unread message')}"] if presence.inbox_unread else []
    return "\n".join(lines)
