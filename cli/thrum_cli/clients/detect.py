"""Detects the clients of a worktree: by their environment variables, their files and their commands on the PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from thrum_store.errors import Invalid
from thrum_store.machine.host import REAL, Host
from thrum_store.repository import config
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

from . import ledger
from .presets import ALL, PRESETS, Preset, chosen, preset

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


class Detected(Record):
    """A client that is used in a worktree, and the evidence: `found .claude`, `env CLAUDECODE`, `binary claude`."""

    name: str
    source: str


def detected(root: str, environ: Mapping[str, str] = os.environ) -> tuple[Detected, ...]:
    """Return the clients of this worktree, best evidence first; none is started to find out."""
    running = [Detected(name, f"env {variable}") for name, variable in _VARIABLES.items() if environ.get(variable)]
    marked = [
        Detected(name, f"found {marker}")
        for name, markers in _MARKERS.items()
        for marker in markers
        if os.path.exists(os.path.join(root, marker))
    ]
    path = environ.get("PATH", os.defpath)
    installed = [
        Detected(client.name, f"binary {client.command}")
        for client in PRESETS.values()
        if client.command and shutil.which(client.command, path=path)
    ]
    best: dict[str, Detected] = {}
    for client in (*running, *marked, *installed):
        best.setdefault(client.name, client)
    return tuple(best.values())


def chosen_runtime(paths: Paths, name: str, host: Host) -> str:
    """Return the runtime that `--runtime NAME` stands for: for `auto` the default, else the best detected one.

    Raises Invalid for an unknown one, and for `auto` if there is no default and nothing is detected.
    """
    if name != AUTO:
        chosen(name)
        return name
    if default := default_runtime(paths, host):
        return default
    clients = detected(paths.root)
    if not clients:
        raise Invalid("no client was detected in this worktree", hint="name one, as in `thrum init --runtime claude`")
    return clients[0].name


def client_to_set_up(paths: Paths) -> str:
    """Return the default client, else the one that runs this or has files here; "" if it was set up or undone before.

    A program on the PATH alone says nothing about this worktree.
    """
    known = ledger.load(paths.local, REAL)
    used = [client.name for client in detected(paths.root) if not client.source.startswith("binary ")]
    client = default_runtime(paths, REAL) or next(iter(used), "")
    return "" if known.undone or client in known.runtimes else client


def default_runtime(paths: Paths, host: Host) -> str:
    """Return the default client in `.thrum/config.json`, or "". Raises Invalid."""
    setting = config.in_file(paths, host, config.DEFAULT_CLIENT)
    return str(setting.value) if setting else ""


def set_default(paths: Paths, name: str, host: Host) -> Preset:
    """Make a client the default. Raises Invalid for an unknown one, and for a broken config.json."""
    if name == ALL:
        raise Invalid("`all` cannot be the default", hint="name one client, as in `thrum runtime set-default claude`")
    chosen_preset = preset(name)
    config.change(paths, host, config.DEFAULT_CLIENT, name)
    return chosen_preset
