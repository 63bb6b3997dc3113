"""Which clients are used here: by the environment they set, their files in the worktree, their commands on PATH."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thrum_store.errors import Invalid
from thrum_store.machine.host import Host
from thrum_store.repository.paths import CONFIG_LOCK, Paths

from .jsontext import mapping
from .presets import ALL, Preset, chosen, preset

AUTO = "auto"
_MARKERS = {
    "claude": (".claude", "CLAUDE.md"),
    "codex": (".codex",),
    "cursor": (".cursor", ".cursorrules"),
    "gemini": (".gemini", "GEMINI.md"),
    "auggie": (".augment",),
    "amp": (".amp",),
    "opencode": ("opencode.json", "opencode.jsonc", ".opencode"),
}
_VARIABLES = {
    "claude": "CLAUDECODE",
    "codex": "CODEX_THREAD_ID",
    "cursor": "CURSOR_AGENT",
    "gemini": "GEMINI_CLI",
    "auggie": "AUGMENT_CONVERSATION_ID",
    "opencode": "OPENCODE",
}
_COMMANDS = {
    "claude": ("claude",),
    "codex": ("codex",),
    "cursor": ("cursor-agent",),
    "gemini": ("gemini",),
    "auggie": ("auggie",),
    "amp": ("amp",),
    "opencode": ("opencode",),
}


@dataclass(frozen=True)
class Detected:
    """A client that is used here, and how that is known: `found .claude`, `env CLAUDECODE`, `binary claude`."""

    name: str
    source: str


def detected(root: str, environ: Mapping[str, str] = os.environ) -> tuple[Detected, ...]:
    """The clients of this worktree, the surest first; none is ever started to find out."""
    inside = [Detected(name, f"env {variable}") for name, variable in _VARIABLES.items() if environ.get(variable)]
    marked = [
        Detected(name, f"found {marker}")
        for name, markers in _MARKERS.items()
        for marker in markers
        if os.path.exists(os.path.join(root, marker))
    ]
    path = environ.get("PATH", os.defpath)
    installed = [
        Detected(name, f"binary {command}")
        for name, commands in _COMMANDS.items()
        for command in commands
        if shutil.which(command, path=path)
    ]
    first: dict[str, Detected] = {}
    for one in (*inside, *marked, *installed):
        first.setdefault(one.name, one)
    return tuple(first.values())


def meant(paths: Paths, name: str, host: Host) -> str:
    """The runtime that `--runtime NAME` means: for `auto` the default, else the surest that is used here.

    Raises Invalid for an unknown one, and for `auto` where nothing decides.
    """
    if name != AUTO:
        chosen(name)
        return name
    if default := default_runtime(paths, host):
        return default
    found = detected(paths.root)
    if not found:
        raise Invalid("no client was found here", hint="name one: --runtime claude")
    return found[0].name


def default_runtime(paths: Paths, host: Host) -> str:
    """The default in `.thrum/config.json`; empty where there is none."""
    return str(mapping(_config(paths, host).get("runtime")).get("primary", ""))


def set_default(paths: Paths, name: str, host: Host) -> Preset:
    """Makes `name` the default; other settings stay. Raises Invalid."""
    if name == ALL:
        raise Invalid("`all` cannot be the default", hint="name one client")
    found = preset(name)
    with host.lock(paths.in_var(CONFIG_LOCK)):
        config = _config(paths, host)
        config["runtime"] = {**mapping(config.get("runtime")), "primary": name}
        data = json.dumps(config, indent=2, ensure_ascii=False).encode() + b"\n"
        host.storage.replace(_path(paths), data)
    return found


def _config(paths: Paths, host: Host) -> dict[str, Any]:
    try:
        return mapping(json.loads(host.storage.read(_path(paths))))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Invalid(f"{_path(paths)} is not valid JSON", hint="mend it by hand") from None


def _path(paths: Paths) -> str:
    return os.path.join(paths.thrum, "config.json")
