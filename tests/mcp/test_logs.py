"""The log of the MCP server, .thrum/var/log/mcp.log: it names failures and stays small."""

from __future__ import annotations

from pathlib import Path

from thrum_mcp import logs

from .conftest import Team
from .talk import Server


def log(team: Team) -> Path:
    """Return the path of the log file."""
    return team.planner / ".thrum" / "var" / "log" / "mcp.log"


def test_a_refused_frame_is_in_the_log_and_not_on_standard_error(team: Team) -> None:
    with Server(team.planner) as server:
        server.greet()
        server.send(b"{not json}")
        server.call("list_groups")
        server.end()
    assert "refused a frame of 10 bytes" in log(team).read_text(encoding="utf-8")
    assert b"refused" not in server.errors
    assert log(team).stat().st_mode & 0o777 == 0o600


def test_a_log_that_grew_is_put_aside(team: Team) -> None:
    log(team).parent.mkdir(exist_ok=True)
    log(team).write_text("x" * (logs.LIMIT + 1), encoding="utf-8")
    with Server(team.planner) as server:
        server.greet()
        server.call("list_groups")
    assert log(team).stat().st_size < logs.LIMIT
    assert log(team).with_name("mcp.log.1").stat().st_size == logs.LIMIT + 1
