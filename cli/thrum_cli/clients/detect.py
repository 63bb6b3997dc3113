"""Which clients are used here: by the environment they set, their files in the worktree, their commands on PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from thrum_store.errors import Invalid
from thrum_store.machine.host import Host
from thrum_store.repository import config
from thrum_store.repository.paths import Paths

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
    """Return the default client in `.thrum/config.json`, or "". Raises Invalid."""
    chosen = config.in_file(paths, host, config.DEFAULT_CLIENT)
    return str(chosen.value) if chosen else ""


def set_default(paths: Paths, name: str, host: Host) -> Preset:
    """Make a client the default. Raises Invalid for an unknown one, and for a broken config.json."""
    if name == ALL:
        raise Invalid("`all` cannot be the default", hint="name one client, as in `thrum runtime set-default claude`")
    chosen_preset = preset(name)
    config.change(paths, host, config.DEFAULT_CLIENT, name)
    return chosen_preset
