"""config show: every setting that counts here, and where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thrum_cli.clients import detect
from thrum_cli.command import App, Group, command, commands
from thrum_cli.terminal.layout import panel
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import bold, dim, pad
from thrum_mcp.daemon.process import file_names
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store import identity
from thrum_store.errors import Invalid, NoIdentity
from thrum_store.machine.host import REAL
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.sync.remote import settings

WS_PORT = 9999  # as the daemon has it; its module takes 300 ms to load
SYNC_SECONDS = 60
FILE, ENVIRONMENT, GIT, DEFAULT = "config.json", "env", "git config", "default"


@dataclass(frozen=True)
class Setting:
    """A value, and its source: env, config.json, git config, detected or default."""

    value: str | int | bool
    source: str


@dataclass(frozen=True)
class RuntimeSettings:
    """The client that is set up by default, and those that were found."""

    primary: str
    source: str
    detected: tuple[str, ...]


@dataclass(frozen=True)
class DaemonSettings:
    """What the daemon goes by, and whether it runs."""

    local_only: Setting
    sync_interval: Setting
    ws_port: Setting
    status: str
    pid: int | None
    socket: str


@dataclass(frozen=True)
class SyncSettings:
    """Which remote, and whose events are taken in."""

    remote: Setting
    trust: Setting


@dataclass(frozen=True)
class IdentitySettings:
    """Who you are here; `problem` says why nobody."""

    agent: str | None
    role: str | None
    module: str | None
    file: str | None
    source: str | None
    problem: str | None = None


@dataclass(frozen=True)
class Override:
    """A variable of the environment that counts."""

    env_var: str
    value: str


@dataclass(frozen=True)
class Configuration:
    """Every setting that counts here."""

    config_file: str
    runtime: RuntimeSettings
    daemon: DaemonSettings
    sync: SyncSettings
    identity: IdentitySettings
    overrides: tuple[Override, ...]


@command("show", "thrum config show", "thrum config show --json")
def show(app: App) -> Configuration:
    """Show every setting that counts here, and where it comes from.

    A flag beats the environment, which beats .thrum/config.json, which beats the default.
    """
    here = app.paths
    told = _configured(here)
    return Configuration(
        config_file=os.path.join(here.thrum, "config.json"),
        runtime=_runtime(here, told),
        daemon=_daemon(here, told, os.environ),
        sync=_sync(here),
        identity=_identity(app),
        overrides=tuple(
            Override(name, _shown(name, value))
            for name, value in sorted(os.environ.items())
            if name.startswith("THRUM_") and value
        ),
    )


config = Group(
    "config",
    "Show the effective settings and their sources.",
    commands(show),
    (
        "thrum config show",
        "thrum config show --json",
    ),
)


def _shown(name: str, value: str) -> str:
    return "(hidden)" if "KEY" in name or "TOKEN" in name else value


def _configured(here: Paths) -> dict[str, Any]:
    path = os.path.join(here.thrum, "config.json")
    try:
        told: dict[str, Any] | None = json.loads(REAL.storage.read(path))
    except FileNotFoundError:
        return {}
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Invalid(f"{path} is not a JSON object", hint="mend it by hand")
    return told


def _runtime(here: Paths, told: dict[str, Any]) -> RuntimeSettings:
    found = tuple(one.name for one in detect.detected(here.root))
    primary = detect.default_runtime(here, REAL) if told else ""
    if primary:
        return RuntimeSettings(primary, FILE, found)
    return RuntimeSettings(found[0], "detected", found) if found else RuntimeSettings("", DEFAULT, ())


def _daemon(here: Paths, told: dict[str, Any], environ: Mapping[str, str]) -> DaemonSettings:
    local = settings.local_only(here, REAL, environ=environ)
    inside = told.get("daemon")
    said = "local_only" in told or (isinstance(inside, dict) and "local_only" in inside)
    source = ENVIRONMENT if environ.get("THRUM_LOCAL", "").strip() else FILE if said else DEFAULT
    port = environ.get("THRUM_WS_PORT", "")
    state = daemon_status(here, REAL)
    return DaemonSettings(
        local_only=Setting(local, source),
        sync_interval=Setting(SYNC_SECONDS, DEFAULT),
        ws_port=Setting(port, ENVIRONMENT) if port else Setting(WS_PORT, DEFAULT),
        status=state.status,
        pid=state.pid,
        socket=file_names.socket_in_use(here, REAL),
    )


def _sync(here: Paths) -> SyncSettings:
    git = GitRunner(here.root)
    told = settings.read(git)
    remote, trust = (git.asks("config", "--get", name) is not None for name in ("thrum.remote", "thrum.trust"))
    return SyncSettings(
        remote=Setting(told.remote, GIT if remote else DEFAULT), trust=Setting(told.policy, GIT if trust else DEFAULT)
    )


def _identity(app: App) -> IdentitySettings:
    try:
        caller = app.caller
    except NoIdentity as error:
        return IdentitySettings(None, None, None, None, None, f"{error.message}; {error.hint}")
    known = identity.load(app.paths, caller.name) is not None
    file = identity.relative(caller.name) if known else None
    return IdentitySettings(caller.name, caller.role or None, caller.module or None, file, caller.source)


@human.register(Configuration)
def _configuration(found: Configuration, screen: Screen) -> str:
    daemon, sync, who = found.daemon, found.sync, found.identity
    parts = [
        _section(screen, "Runtime", [("Primary", Setting(found.runtime.primary or "none", found.runtime.source))]),
        _section(
            screen,
            "Daemon",
            [
                ("Local-only", daemon.local_only),
                ("Sync interval", Setting(f"{daemon.sync_interval.value} s", daemon.sync_interval.source)),
                ("WS port", daemon.ws_port),
                ("Status", Setting(daemon.status, f"pid {daemon.pid}" if daemon.pid else "")),
                ("Socket", Setting(daemon.socket, "")),
            ],
        ),
        _section(
            screen,
            "Sync",
            [("Remote", Setting(sync.remote.value or "none", sync.remote.source)), ("Trust", sync.trust)],
        ),
        _section(
            screen,
            "Identity",
            [
                ("Agent", Setting(f"@{who.agent}" if who.agent else who.problem or "", who.source or "")),
                ("Role", Setting(who.role or "", "")),
                ("Module", Setting(who.module or "", "")),
                ("File", Setting(who.file or "", "")),
            ],
        ),
    ]
    if found.overrides:
        parts.append(
            _section(screen, "Environment", [(one.env_var, Setting(one.value, "")) for one in found.overrides])
        )
    return "\n\n".join([f"{bold('Configuration')}  {found.config_file}", *parts])


def _section(screen: Screen, title: str, rows: list[tuple[str, Setting]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    lines = [
        f"  {pad(name, width)}{_words(one.value)}{dim(f'  ({one.source})') if one.source else ''}"
        for name, one in rows
        if one.value != ""
    ]
    return panel(title, "\n".join(lines), screen)


def _words(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
