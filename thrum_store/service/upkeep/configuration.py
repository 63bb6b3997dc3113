"""Use cases of the settings: show all with their sources, set one, unset one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from thrum_store.errors import Invalid
from thrum_store.identity import Caller, load, shown_path
from thrum_store.machine.host import Host
from thrum_store.repository import config
from thrum_store.repository.config import DEFAULT, FILE, GIT, Key, Setting
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

_SECRET = ("KEY", "TOKEN")  # in the name of a variable whose value is hidden


class SetSetting(Record):
    """A request to set a key to a value, both as typed. `clients` are the names that runtime.primary may have."""

    key: str
    value: str
    clients: tuple[str, ...]


class SettingChanged(Record):
    """A key after a change, with its effective value. `changed` is false if the file was so already."""

    key: str
    value: str | int | bool
    source: str
    changed: bool
    config_file: str


class RuntimeSettings(Record):
    """The client that is set up by default, and those that were detected."""

    primary: str
    source: str
    detected: tuple[str, ...]


class DaemonSettings(Record):
    """The settings of the daemon, and whether it runs. `ws_port_in_use`: the port that it took, null without one."""

    local_only: Setting
    sync_interval: Setting
    ws_port: Setting
    status: str
    pid: int | None
    socket: str
    ws_port_in_use: int | None


class SyncSettings(Record):
    """The remote to sync with, and the policy by which other stores are trusted."""

    remote: Setting
    trust: Setting


class LimitSettings(Record):
    """After how many automatic replies within how many minutes two agents no longer wake each other."""

    auto_replies: Setting
    auto_minutes: Setting


class RetentionSettings(Record):
    """After how many days the end of a session purges; 0: never."""

    days: Setting


class IdentitySettings(Record):
    """The agent that calls here; `problem` says why there is none."""

    agent: str | None
    role: str | None
    module: str | None
    file: str | None
    source: str | None
    problem: str | None = None


class Override(Record):
    """A variable of the environment that thrum reads."""

    env_var: str
    value: str


class Configuration(Record):
    """Every effective setting."""

    config_file: str
    runtime: RuntimeSettings
    daemon: DaemonSettings
    sync: SyncSettings
    identity: IdentitySettings
    overrides: tuple[Override, ...]
    retention: RetentionSettings
    limits: LimitSettings


class DaemonState(Record):
    """The state of the daemon, as the program that serves knows it."""

    status: str
    pid: int | None
    socket: str
    port: int | None


def show(
    paths: Paths,
    host: Host,
    caller: IdentitySettings,
    daemon: DaemonState,
    detected: tuple[str, ...],
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """Return every effective setting with its source. Raises Invalid for one that cannot be understood."""
    return Configuration(
        config_file=paths.config,
        runtime=_runtime(paths, host, detected),
        daemon=DaemonSettings(
            config.setting(paths, host, config.LOCAL_ONLY, environ),
            Setting(config.SYNC_INTERVAL, DEFAULT),
            config.setting(paths, host, config.WEBSOCKET_PORT, environ),
            daemon.status,
            daemon.pid,
            daemon.socket,
            daemon.port,
        ),
        sync=_sync(GitRunner(paths.root)),
        identity=caller,
        overrides=tuple(
            Override(name, "(hidden)" if any(part in name for part in _SECRET) else value)
            for name, value in sorted(environ.items())
            if name.startswith("THRUM_") and value
        ),
        retention=RetentionSettings(config.setting(paths, host, config.RETENTION_DAYS, environ)),
        limits=LimitSettings(
            config.setting(paths, host, config.AUTO_REPLIES, environ),
            config.setting(paths, host, config.AUTO_MINUTES, environ),
        ),
    )


def identified(paths: Paths, caller: Caller) -> IdentitySettings:
    """Return the settings of a caller, with its identity file if it has one."""
    known = load(paths, caller.name) is not None
    file = shown_path(paths, caller.name) if known else None
    return IdentitySettings(caller.name, caller.role or None, caller.module or None, file, caller.source)


def _runtime(paths: Paths, host: Host, detected: tuple[str, ...]) -> RuntimeSettings:
    chosen = config.in_file(paths, host, config.DEFAULT_CLIENT)
    if chosen:
        return RuntimeSettings(str(chosen.value), FILE, detected)
    return RuntimeSettings(detected[0], "detected", detected) if detected else RuntimeSettings("", DEFAULT, ())


def _sync(git: GitRunner) -> SyncSettings:
    settings = config.git_settings(git)
    remote, trust = (
        GIT if git.asks("config", "--get", name) is not None else DEFAULT for name in ("thrum.remote", "thrum.trust")
    )
    return SyncSettings(Setting(settings.remote, remote), Setting(settings.policy, trust))


def set_setting(paths: Paths, host: Host, request: SetSetting) -> SettingChanged:
    """Set a key in config.json. Raises Invalid for an unknown key, or a value that it cannot have."""
    key = _key(request.key)
    value = key.parse(request.value.strip())
    if key.name == config.DEFAULT_CLIENT.name and value not in request.clients:
        raise Invalid(f"there is no client {request.value!r}", hint=f"use one of {', '.join(request.clients)}")
    if value is None:
        raise Invalid(f"{key.name} cannot be {request.value!r}", hint=f"use {key.noun}")
    changed = config.change(paths, host, key, value)
    return _after(paths, host, key, changed)


def unset_setting(paths: Paths, host: Host, name: str) -> SettingChanged:
    """Remove a key from config.json, so that its default applies. Raises Invalid for an unknown key."""
    key = _key(name)
    return _after(paths, host, key, config.remove(paths, host, key))


def _after(paths: Paths, host: Host, key: Key, changed: bool) -> SettingChanged:
    effective = config.setting(paths, host, key)
    return SettingChanged(key.name, effective.value, effective.source, changed, paths.config)


def _key(name: str) -> Key:
    if name in config.KEYS:
        return config.KEYS[name]
    if name.startswith("thrum."):
        hint = f"git keeps this setting: `git config --local {name} VALUE`"
    else:
        hint = f"the keys are {', '.join(config.KEYS)}"
    raise Invalid(f"there is no setting {name!r}", hint=hint)
