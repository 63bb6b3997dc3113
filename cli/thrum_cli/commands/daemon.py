"""daemon: start, stop, status, restart, run, logs. Nothing else waits for the daemon."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.output import Outcome, human
from thrum_cli.terminal.text import fields, lasting
from thrum_mcp.daemon.process import control, file_names
from thrum_mcp.daemon.process.control import DaemonStarted, DaemonStatus, DaemonStopped
from thrum_store.machine.host import REAL


@dataclass(frozen=True)
class DaemonRestarted:
    """A daemon that answers in place of the one before, on the same WebSocket port where that is free."""

    pid: int
    repo_path: str
    socket_path: str
    ws_port: int | None
    local_only: bool


@dataclass(frozen=True)
class DaemonLog:
    """The last lines of the log, oldest first."""

    path: str
    lines: tuple[str, ...]


_LOCAL = Option(
    "--local/--remote", "Keep messages on this machine, or let the sync exchange them; kept in .thrum/config.json."
)


@command("start", "thrum daemon start", "thrum daemon start --local", "thrum daemon start --remote", options=(_LOCAL,))
def start(app: App, local: bool | None) -> DaemonStarted:
    """Start the daemon in the background.

    It answers when this command returns. Each repository has one, whichever of its worktrees it is started from.
    """
    return control.start(app.paths, REAL, _flags(local))


@command("stop", "thrum daemon stop")
def stop(app: App) -> DaemonStopped:
    """Stop the daemon."""
    return control.stop(app.paths, REAL)


@command("status", "thrum daemon status", "thrum --json daemon status", returns=DaemonStatus)
def status(app: App) -> Outcome:
    """Show whether the daemon runs, since when, and how its parts are.

    Exits with 1 when it does not run; with --json always with 0.
    """
    told = control.status(app.paths, REAL)
    return Outcome(told, 0 if told.running or app.json else 1)


@command("restart", "thrum daemon restart", "thrum daemon restart --remote", options=(_LOCAL,))
def restart(app: App, local: bool | None) -> DaemonRestarted:
    """Stop the daemon, if it runs, and start it on the same port."""
    port = file_names.port_in_use(app.paths, REAL)
    if control.is_held(app.paths, REAL):
        control.stop(app.paths, REAL)
    if port:
        os.environ.setdefault("THRUM_WS_PORT", str(port))
    started = control.start(app.paths, REAL, _flags(local))
    return DaemonRestarted(
        started.pid, started.repo_path, started.socket_path, started.ws_port, started.local_only
    )  # fmt: skip


@command("run", "thrum daemon run", "thrum daemon run --local", options=(_LOCAL,))
def run(app: App, local: bool | None) -> None:
    """Run the daemon here until Ctrl-C, its log on the terminal.

    For service managers, and to see what it does. Exits with 0 when a signal ends it, with 3 where another one serves.
    """
    command_line = control.command(app.paths, _flags(local))
    sys.stdout.flush()
    os.execv(command_line[0], command_line)


@command(
    "logs",
    "thrum daemon logs",
    "thrum daemon logs --lines 200",
    options=(Option("--lines", "How many (default 50).", "N", default=50, kind="integer", least=1, most=2000),),
)
def logs(app: App, lines: int) -> DaemonLog:
    """Show the last lines of the daemon's log."""
    return DaemonLog(file_names.log_file(app.paths), tuple(control.log_lines(app.paths, REAL, lines)))


daemon = Group(
    "daemon",
    """Run the background process for sync and notifications.

    Sending, reading and waiting need none.
    """,
    commands(start, stop, status, restart, run, logs),
    (
        "thrum daemon start",
        "thrum daemon status",
        "thrum daemon logs",
    ),
)


def _flags(local: bool | None) -> tuple[str, ...]:
    return () if local is None else ("--local",) if local else ("--no-local",)


@human.register(DaemonStarted)
@human.register(DaemonRestarted)
def _started(started: DaemonStarted | DaemonRestarted) -> str:
    mode = "local-only" if started.local_only else "syncs with the remote"
    where = f"ws://localhost:{started.ws_port}" if started.ws_port else "no WebSocket"
    word = "restarted" if isinstance(started, DaemonRestarted) else "started"
    return f"✓ Daemon {word} (pid {started.pid}), {mode}\n  Socket: {started.socket_path}\n  WebSocket: {where}"


@human.register(DaemonStopped)
def _stopped(stopped: DaemonStopped) -> str:
    how = "; it had to be killed" if stopped.forced else ""
    return f"✓ Daemon stopped (pid {stopped.pid}){how}"


@human.register(DaemonStatus)
def _status(told: DaemonStatus) -> str:
    if not told.running:
        return "Daemon: not running\nStart it: thrum daemon start"
    process_id = f" (pid {told.pid})" if told.pid else ""
    lines = [("Daemon", f"{told.status}{process_id}"), ("Repository", told.repo_path)]
    if told.health is None:
        return f"{fields(lines)}\nIf it stays so, replace it: thrum daemon restart"
    clients = max(told.health["connections"] - 1, 0)  # who asks is one of them
    lines += [
        ("Uptime", lasting(told.uptime_ms or 0)),
        ("Version", told.version),
        ("Sync", _sync(told)),
        ("WebSocket", f"ws://localhost:{told.ws_port}" if told.ws_port else "none"),
        ("Clients", f"{clients}, {told.health['listening']} of them told of messages" if clients else "none"),
        *((f"Part {part['name']}", _part(part)) for part in told.health["parts"]),
    ]
    return fields(lines)


def _sync(told: DaemonStatus) -> str:
    mode = "local-only" if told.local_only else "normal"
    why = "; why: thrum sync status" if told.sync_state == "error" else ""
    return f"{told.sync_state} ({mode}){why}"


def _part(part: dict[str, object]) -> str:
    if not part["failures"]:
        return str(part["state"])
    return f"{part['state']}, failed {part['failures']} times; last: {part['last_error']}"


@human.register(DaemonLog)
def _log(log: DaemonLog) -> str:
    return "\n".join(log.lines) if log.lines else f"Nothing was logged yet ({log.path})."
