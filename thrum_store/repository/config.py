"""The settings of a clone: `.thrum/config.json`, and the part that is kept in git's own configuration.

`KEYS` holds what thrum reads of config.json; keys of other programs stay as they are. A flag overrides the environment,
which overrides the file, which overrides the default. Security rests on git's configuration, which no branch can carry:

    git config --local thrum.remote NAME          the remote to sync with (default: origin, or the only one)
    git config --local thrum.publicRemote URL     this remote may be readable by anyone
    git config --local thrum.trust tofu           known | tofu | none: the stores whose events are taken in
    git config --local --add thrum.knownStore ID  a store that is trusted; thrum.blockedStore: one that is not
"""

from __future__ import annotations

import os

from thrum_store.errors import Invalid
from thrum_store.values import NamedTuple, Record, compact, loads, readable, seconds

from .paths import CONFIG_LOCK, Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from thrum_store.machine.host import Host

    from .git_runner import GitRunner

    Value = str | int | bool

FLAG, ENVIRONMENT, FILE, GIT, DEFAULT = "flag", "env", "config.json", "git config", "default"
SYNC_INTERVAL = 60  # seconds between two syncs of the daemon
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_LAST_PORT = 65535
_MOST_DAYS = 36_500
OFF = "off"  # a schedule that makes no backups
_SHORTEST = 60.0  # seconds between two backups
_DIGITS = 6  # of a number of archives
_MOST_REPLIES = 1_000
_MOST_MINUTES = 1_440


class Setting(Record):
    """A value, and its source: env, config.json, git config, detected or default."""

    value: str | int | bool
    source: str


class Key(Record):
    """A key of config.json; a dot in its name leads into an object."""

    name: str
    noun: str  # what a value is, for error messages
    default: Value
    parse: Callable[[str], Value | None]  # from text; None if it is not such a value
    variable: str = ""  # of the environment, overrides the file
    former_name: str = ""  # under which the Go program kept it
    automatic: str = ""  # the text by which the Go program leaves the value open; it writes numbers as text, too


def _yes_or_no(text: str) -> bool | None:
    return True if text.lower() in _YES else False if text.lower() in _NO else None


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= _LAST_PORT else None


def _count(most: int, least: int = 0) -> Callable[[str], int | None]:
    """Return a parser of whole numbers from `least` to `most`."""
    return lambda text: int(text) if text.isascii() and text.isdigit() and least <= int(text) <= most else None


def _word(text: str) -> str | None:
    return text or None


def _count_or_all(text: str) -> int | None:
    number = text.removeprefix("-")
    return int(text) if number.isascii() and number.isdigit() and len(number) < _DIGITS and int(text) >= -1 else None


def _interval(text: str) -> str | None:
    """Return an interval as it is written, or None if it is not one of at least a minute."""
    if text == OFF:
        return text
    try:
        return text if seconds(text) >= _SHORTEST else None
    except Invalid:
        return None


LOCAL_ONLY = Key("local_only", "true or false", True, _yes_or_no, "THRUM_LOCAL", "daemon.local_only")
DEFAULT_CLIENT = Key("runtime.primary", "the name of a client", "", _word)
WEBSOCKET_PORT = Key("daemon.ws_port", f"a port from 1 to {_LAST_PORT}", 9999, _port, "THRUM_WS_PORT", automatic="auto")
AUTO_REPLIES = Key(
    "limits.auto_replies", f"a number up to {_MOST_REPLIES}, or 0 for no limit", 40, _count(_MOST_REPLIES)
)
AUTO_MINUTES = Key(
    "limits.auto_minutes", f"a number of minutes from 1 to {_MOST_MINUTES}", 30, _count(_MOST_MINUTES, 1)
)
RETENTION_DAYS = Key("retention.days", f"a number of days up to {_MOST_DAYS}, or 0 for off", 0, _count(_MOST_DAYS))
BACKUP_DIR = Key("backup.dir", "a directory", "", _word)
BACKUP_SCHEDULE = Key("backup.schedule", "an interval of at least a minute, like 24h, or off", "", _interval)
BACKUP_DAILY = Key("backup.retention.daily", "a number; -1 keeps all", 5, _count_or_all)
BACKUP_WEEKLY = Key("backup.retention.weekly", "a number; -1 keeps all", 4, _count_or_all)
BACKUP_MONTHLY = Key("backup.retention.monthly", "a number; -1 keeps all", -1, _count_or_all)
_ALL = (
    LOCAL_ONLY, DEFAULT_CLIENT, WEBSOCKET_PORT, BACKUP_DIR, BACKUP_SCHEDULE, BACKUP_DAILY, BACKUP_WEEKLY,
    BACKUP_MONTHLY, RETENTION_DAYS, AUTO_REPLIES, AUTO_MINUTES,
)  # fmt: skip
KEYS = {key.name: key for key in _ALL}


# --- reading ----------------------------------------------------------------------------------------------------------


def setting(paths: Paths, host: Host, key: Key, environ: Mapping[str, str] = os.environ) -> Setting:
    """Return the effective value of a key and its source. Raises Invalid if that source holds no such value."""
    text = environ.get(key.variable, "").strip() if key.variable else ""
    if not text:
        return in_file(paths, host, key) or Setting(key.default, DEFAULT)
    value = key.parse(text)
    if value is None:
        raise Invalid(f"{key.variable} is {text!r}, which is not {key.noun}", hint=f"run `unset {key.variable}`")
    return Setting(value, ENVIRONMENT)


def in_file(paths: Paths, host: Host, key: Key) -> Setting | None:
    """Return the value of a key in config.json, or None if it is not set there. Raises Invalid."""
    content = read(paths, host)
    for name in (key.name, key.former_name):
        value = lookup(content, name) if name else None
        if value is None or (key.automatic and value == key.automatic):
            continue
        if key.automatic and isinstance(value, str):
            value = key.parse(value) or value
        if type(value) is not type(key.default) or key.parse(str(value)) is None:
            shown = compact(value)
            hint = f"run `thrum config set {key.name} VALUE` or `thrum config unset {key.name}`"
            raise Invalid(f"{name} in {paths.config} is {shown}, which is not {key.noun}", hint=hint)
        return Setting(value, FILE)
    return None


def local_only(paths: Paths, host: Host, flag: bool | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether nothing may leave this machine. Raises as `setting`."""
    return flag if flag is not None else setting(paths, host, LOCAL_ONLY, environ).value is True


def read(paths: Paths, host: Host) -> dict[str, Any]:
    """Return the content of config.json, {} without one. Raises Invalid if it is not a JSON object."""
    content: dict[str, Any] | None
    try:
        content = loads(host.storage.read(paths.config))
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        hint = f"correct it in an editor, or remove it to return to the defaults: `rm {paths.config}`"
        raise Invalid(f"{paths.config} is not a JSON object", hint=hint)
    return content


def lookup(content: Any, name: str) -> Any:
    """Return the value of a key whose dots lead into objects; None without one."""
    for part in name.split("."):
        content = content.get(part) if content.__class__ is dict else None
    return content


# --- writing ----------------------------------------------------------------------------------------------------------


def create(paths: Paths, host: Host) -> str:
    """Create config.json from its copy, else with messages kept on this machine; return the step in words, or ""."""
    from . import settings_copy

    with host.lock(paths.in_var(CONFIG_LOCK)):
        if host.storage.size(paths.config) >= 0:
            settings_copy.keep(paths, host)
            return ""
        if settings_copy.restore(paths, host):
            return "brought the settings of .thrum/config.json back"
        write(paths, host, {LOCAL_ONLY.name: True})
    return "messages stay on this machine (local_only in .thrum/config.json)"


def change(paths: Paths, host: Host, key: Key, value: Value) -> bool:
    """Set a key in config.json, and keep all others; return False if it was so already. Raises Invalid."""
    with host.lock(paths.in_var(CONFIG_LOCK)):
        content = read(paths, host)
        if lookup(content, key.name) == value:
            return False
        *parents, last = key.name.split(".")
        inside = content
        for part in parents:
            if not isinstance(inside.get(part), dict):
                inside[part] = {}
            inside = inside[part]
        inside[last] = value
        write(paths, host, content)
    return True


def remove(paths: Paths, host: Host, key: Key) -> bool:
    """Remove a key from config.json, under its former name too; return whether it was there. Raises Invalid."""
    with host.lock(paths.in_var(CONFIG_LOCK)):
        content = read(paths, host)
        removed = [_removed(content, name) for name in (key.name, key.former_name) if name]
        if any(removed):
            write(paths, host, content)
    return any(removed)


def _removed(content: dict[str, Any], name: str) -> bool:
    parent, _, last = name.rpartition(".")
    inside = lookup(content, parent) if parent else content
    return inside.__class__ is dict and inside.pop(last, None) is not None


def write(paths: Paths, host: Host, content: dict[str, Any]) -> None:
    """Replace config.json. Only under CONFIG_LOCK."""
    from . import settings_copy

    host.storage.replace(paths.config, readable(content).encode() + b"\n")
    settings_copy.keep(paths, host)


# --- git's own configuration ------------------------------------------------------------------------------------------

TRUST_POLICIES = ("known", "tofu", "none")
_REMOTE_LIMIT = 64


class GitSettings(NamedTuple):
    """The settings in git's configuration. `remote` is empty if there is none."""

    remote: str
    urls: tuple[str, ...]  # of a push: git pushes to each of them
    policy: str
    known: frozenset[str]
    blocked: frozenset[str]
    public: frozenset[str]  # remotes that may be readable by anyone


def git_settings(git: GitRunner) -> GitSettings:
    """Read git's configuration. Raises Invalid if it names a remote or a policy that does not exist."""
    values = _git_values(git)
    remote = _remote(git, values.get("thrum.remote", []))
    policy = values.get("thrum.trust", ["tofu"])[-1]
    if policy not in TRUST_POLICIES:
        choices = " or ".join(f"`git config --local thrum.trust {name}`" for name in TRUST_POLICIES)
        raise Invalid(f"thrum.trust is {policy!r}, which is not a policy", hint=f"run {choices}")
    return GitSettings(
        remote=remote,
        urls=_push_urls(git, remote) if remote else (),
        policy=policy,
        known=frozenset(values.get("thrum.knownstore", [])),
        blocked=frozenset(values.get("thrum.blockedstore", [])),
        public=frozenset(values.get("thrum.publicremote", [])),
    )


def _push_urls(git: GitRunner, remote: str) -> tuple[str, ...]:
    output = git.asks("remote", "get-url", "--push", "--all", "--", remote) or ""
    return tuple(url for url in output.split("\n") if url)


def _git_values(git: GitRunner) -> dict[str, list[str]]:
    output = git.asks("config", "--null", "--get-regexp", r"^thrum\.") or ""
    values: dict[str, list[str]] = {}
    for entry in output.split("\0"):
        key, _, value = entry.partition("\n")
        values.setdefault(key.strip(), []).append(value.strip())
    return values


def _remote(git: GitRunner, chosen: list[str]) -> str:
    remotes = git.run("remote").split("\n")
    if chosen:
        if chosen[-1] not in remotes or not _is_remote(chosen[-1]):
            raise Invalid(f"thrum.remote is {chosen[-1]!r}, and there is no such remote", hint="see `git remote`")
        return chosen[-1]
    usable = [remote for remote in remotes if _is_remote(remote)]
    if "origin" in usable:
        return "origin"
    return usable[0] if len(usable) == 1 else ""


def _is_remote(name: str) -> bool:
    """Return whether a remote's name is plain enough to be part of a command line and of a ref."""
    plain = name.isascii() and len(name) <= _REMOTE_LIMIT and all(c.isalnum() or c in "_.-" for c in name)
    return plain and name[:1].isalnum()
