"""config: the settings of this clone, and the source of each."""

from __future__ import annotations

from thrum_cli.clients import detect
from thrum_cli.clients.presets import PRESETS
from thrum_cli.command import App, Argument, Group, command, commands
from thrum_cli.terminal.layout import panel
from thrum_cli.terminal.output import Screen, bold, dim, human, pad
from thrum_mcp.daemon.process import file_names
from thrum_mcp.daemon.process.status import daemon_status
from thrum_store.errors import NoIdentity
from thrum_store.machine.host import REAL
from thrum_store.repository.config import DEFAULT, FILE, Setting
from thrum_store.service.upkeep import configuration
from thrum_store.service.upkeep.configuration import (
    Configuration,
    DaemonState,
    IdentitySettings,
    SetSetting,
    SettingChanged,
)


@command("show", "thrum config show", "thrum config show --json")
def show(app: App) -> Configuration:
    """Show the effective settings and where each one comes from.

    A setting comes from the first of these that has it: a flag, the environment, .thrum/config.json, the default.
    """
    state = daemon_status(app.paths, REAL)
    daemon = DaemonState(
        state.status,
        state.pid,
        file_names.socket_in_use(app.paths, REAL),
        file_names.port_in_use(app.paths, REAL) if state.running else None,
    )
    clients = tuple(client.name for client in detect.detected(app.paths.root))
    return configuration.show(app.paths, REAL, _identity(app), daemon, clients)


@command(
    "set",
    "thrum config set local_only false",
    "thrum config set runtime.primary claude",
    options=(Argument("key"), Argument("value")),
)
def set_(app: App, key: str, value: str) -> SettingChanged:
    """Change a setting for all worktrees of this clone.

    The settings are stored in .thrum/config.json: local_only (true or false), runtime.primary (a client),
    daemon.ws_port (a port; apply it to a running daemon with `thrum daemon restart`), retention.days (the end of a
    session purges what is older; 0 is off), limits.auto_replies and limits.auto_minutes (after so many automatic
    replies in so many minutes, two agents no longer wake each other; 0 replies is no limit). Those of backups, like
    backup.dir and backup.retention.daily, are shown by `thrum backup config`. Settings of the sync, like thrum.remote,
    are stored in git's configuration.
    """
    return configuration.set_setting(app.paths, REAL, SetSetting(key, value, tuple(PRESETS)))


@command("unset", "thrum config unset runtime.primary", options=(Argument("key"),))
def unset(app: App, key: str) -> SettingChanged:
    """Remove a setting, so that its default applies."""
    return configuration.unset_setting(app.paths, REAL, key)


config = Group(
    "config",
    "Show and change the settings of this clone.",
    commands(show, set_, unset),
    ("thrum config show", "thrum config set local_only false"),
)


def _identity(app: App) -> IdentitySettings:
    try:
        return configuration.identified(app.paths, app.caller)
    except NoIdentity as error:
        return IdentitySettings(None, None, None, None, None, f"{error.message}; {error.hint}")


@human.report(SettingChanged)
def _changed(result: SettingChanged) -> str:
    value = str(result.value).lower() if isinstance(result.value, bool) else str(result.value)
    state = f"{result.key} is {'now ' if result.changed and result.source == FILE else ''}{value or 'not set'}"
    if result.source not in (FILE, DEFAULT):
        return f"{state}, because the environment overrides {result.config_file}."
    default = " (default)" if result.source == DEFAULT else ""
    return f"{state}{default}{'' if result.changed else '; nothing changed'}."


@human.register(Configuration)
def _configuration(result: Configuration, screen: Screen) -> str:
    daemon, sync, who = result.daemon, result.sync, result.identity
    parts = [
        _section(screen, "Runtime", [("Primary", Setting(result.runtime.primary or "none", result.runtime.source))]),
        _section(
            screen,
            "Daemon",
            [
                ("Local-only", daemon.local_only),
                ("Sync interval", Setting(f"{daemon.sync_interval.value} s", daemon.sync_interval.source)),
                ("WS port", daemon.ws_port),
                ("Port in use", Setting(daemon.ws_port_in_use or "", "")),
                ("Status", Setting(daemon.status, f"pid {daemon.pid}" if daemon.pid else "")),
                ("Socket", Setting(daemon.socket, "")),
            ],
        ),
        _section(
            screen,
            "Sync",
            [("Remote", Setting(sync.remote.value or "none", sync.remote.source)), ("Trust", sync.trust)],
        ),
        _section(screen, "Retention", [("Days", _number(result.retention.days))]),
        _section(
            screen,
            "Limits",
            [("Automatic replies", _number(result.limits.auto_replies)), ("Minutes", result.limits.auto_minutes)],
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
    if result.overrides:
        parts.append(
            _section(
                screen,
                "Environment",
                [(override.env_var, Setting(override.value, "")) for override in result.overrides],
            )
        )
    return "\n\n".join([f"{bold('Configuration')}  {result.config_file}", *parts])


def _number(setting: Setting) -> Setting:
    return setting if setting.value else Setting("off", setting.source)


def _section(screen: Screen, title: str, rows: list[tuple[str, Setting]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    lines = [
        f"  {pad(name, width)}{_words(setting.value)}{dim(f'  ({setting.source})') if setting.source else ''}"
        for name, setting in rows
        if setting.value != ""
    ]
    return panel(title, "\n".join(lines), screen)


def _words(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
