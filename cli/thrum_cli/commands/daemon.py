"""daemon: start, stop, status, restart, run, logs. No other command waits for the daemon."""

from __future__ import annotations

import os
import sys

from thrum_cli.command import App, Group, Option, command, commands
from thrum_cli.terminal.output import Outcome, Screen, fields, human, lasting
from thrum_mcp.daemon.process import control, file_names, lease
from thrum_mcp.daemon.process.control import DaemonStarted, DaemonStopped
from thrum_mcp.daemon.process.status import DaemonStatus, daemon_status, log_lines
from thrum_store.machine.host import REAL
from thrum_store.repository import config
from thrum_store.values import Record, replaced


class DaemonRestarted(Record):
    """A daemon that replaced the one before, on the same WebSocket port if that is free."""

    pid: int
    repo_path: str
    socket_path: str
    ws_port: int | None
    local_only: bool


class DaemonLog(Record):
    """The last lines of the daemon's log, oldest first."""

    path: str
    lines: tuple[str, ...]


_LOCAL = Option(
    "--local/--remote", "Keep messages on this machine, or sync them. The choice is saved in .thrum/config.json."
)


@command("start", "thrum daemon start", "thrum daemon start --local", "thrum daemon start --remote", options=(_LOCAL,))
def start(app: App, local: bool | None) -> DaemonStarted:
    """Start the daemon in the background.

    It is ready once this command returns. All worktrees of a repository share one daemon; start it from any of them.
    """
    return control.start(app.paths, REAL, _flags(local))


@command("stop", "thrum daemon stop")
def stop(app: App) -> DaemonStopped:
    """Stop the daemon."""
    return control.stop(app.paths, REAL)


@command("status", "thrum daemon status", "thrum --json daemon status", returns=DaemonStatus)
def status(app: App) -> Outcome:
    """Show if the daemon runs, for how long, and how its parts are.

    Exits with 1 if it does not run; with --json always with 0.
    """
    current = daemon_status(app.paths, REAL)
    if current.uptime_ms is not None:
        current = replaced(current, uptime=lasting(current.uptime_ms))
    return Outcome(current, 0 if current.running or app.json else 1)


@command("restart", "thrum daemon restart", "thrum daemon restart --remote", options=(_LOCAL,))
def restart(app: App, local: bool | None) -> DaemonRestarted:
    """Stop the daemon if it runs, and start it on the same port."""
    port = file_names.port_in_use(app.paths, REAL)
    if lease.is_held(app.paths, REAL):
        control.stop(app.paths, REAL)
    if port and config.in_file(app.paths, REAL, config.WEBSOCKET_PORT) is None:
        os.environ.setdefault("THRUM_WS_PORT", str(port))
    started = control.start(app.paths, REAL, _flags(local))
    return DaemonRestarted(
        started.pid, started.repo_path, started.socket_path, started.ws_port, started.local_only
    )  # fmt: skip


@command("run", "thrum daemon run", "thrum daemon run --local", options=(_LOCAL,))
def run(app: App, local: bool | None) -> None:
    """Run the daemon in the foreground until Ctrl-C, and show its log.

    Use this with a service manager, or to watch the daemon. Exits with 0 after a signal, with 3 if a daemon runs
    already.
    """
    command_line = control.command(app.paths, _flags(local))
    sys.stdout.flush()
    os.execv(command_line[0], command_line)


@command(
    "logs",
    "thrum daemon logs",
    "thrum daemon logs --lines 200",
    options=(Option("--lines", "Number of lines (default 50).", "N", default=50, kind="integer", least=1, most=2000),),
)
def logs(app: App, lines: int) -> DaemonLog:
    """Show the last lines of the daemon's log."""
    return DaemonLog(file_names.log_file(app.paths), tuple(log_lines(app.paths, REAL, lines)))


daemon = Group(
    "daemon",
    """Run the background process for sync and notifications.

    Sending, reading and waiting work without it.
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


@human.report(DaemonStarted)
@human.report(DaemonRestarted)
def _started(started: DaemonStarted | DaemonRestarted) -> str:
    mode = "local-only" if started.local_only else "syncs with the remote"
    address = f"ws://localhost:{started.ws_port}" if started.ws_port else "none"
    word = "restarted" if isinstance(started, DaemonRestarted) else "started"
    return f"✓ Daemon {word} (pid {started.pid}), {mode}\n  Socket: {started.socket_path}\n  WebSocket: {address}"


@human.report(DaemonStopped)
def _stopped(stopped: DaemonStopped) -> str:
    killed = "; it did not end by itself and was killed" if stopped.forced else ""
    return f"✓ Daemon stopped (pid {stopped.pid}){killed}"


@human.register(DaemonStatus)
def _status(now: DaemonStatus, screen: Screen) -> str:
    if not now.running:
        return "Daemon: not running" + "\nStart it: thrum daemon start" * screen.hints
    process_id = f" (pid {now.pid})" if now.pid else ""
    lines = [("Daemon", f"{now.status}{process_id}"), ("Repository", now.repo_path)]
    if now.health is None:
        return fields(lines) + "\nIf this lasts, replace it: thrum daemon restart" * screen.hints
    clients = max(now.health["connections"] - 1, 0)  # this command is one of them
    lines += [
        ("Uptime", lasting(now.uptime_ms or 0)),
        ("Version", now.version),
        ("Sync", _sync(now)),
        ("WebSocket", f"ws://localhost:{now.ws_port}" if now.ws_port else "none"),
        ("Clients", f"{clients}, {now.health['listening']} of them receive notifications" if clients else "none"),
        *((f"Part {part['name']}", _part(part)) for part in now.health["parts"]),
    ]
    return fields(lines)


def _sync(now: DaemonStatus) -> str:
    mode = "local-only" if now.local_only else "normal"
    hint = "; for the reason run: thrum sync status" if now.sync_state == "error" else ""
    return f"{now.sync_state} ({mode}){hint}"


def _part(part: dict[str, object]) -> str:
    if not part["failures"]:
        return str(part["state"])
    return f"{part['state']}, failed {part['failures']} times; last error: {part['last_error']}"


@human.register(DaemonLog)
def _log(log: DaemonLog) -> str:
    return "\n".join(log.lines) if log.lines else f"The log is empty ({log.path})."
