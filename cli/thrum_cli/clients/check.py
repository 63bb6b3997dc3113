"""Is a client set up, and did its user take the last step? Looked up in files only: no client is started."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from dataclasses import dataclass
from typing import Any

from thrum_store.machine.host import REAL, Host
from thrum_store.repository.paths import Paths

from . import files, ledger
from .configure import REFUSED, UNCHANGED, Configure, configure
from .jsontext import mapping
from .launcher import Launcher, launcher
from .presets import PRESETS, chosen

TRUSTED, OPEN, UNKNOWN = "done", "to do", "unknown"


@dataclass(frozen=True)
class RuntimeCheck:
    """A client: whether its files are ok, incomplete, or refused because one of them cannot be used;
    whether `thrum` starts, and whether the user's step is done.

    `problems` are sentences; `user_step` is done, to do, unknown, or empty where there is none; `step` says what it is.
    """

    runtime: str
    files: str
    command: str
    user_step: str
    step: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """The clients that were looked at."""

    runtimes: tuple[RuntimeCheck, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return not any(one.problems for one in self.runtimes)


def check(
    paths: Paths, name: str | None, host: Host = REAL, home: str | None = None, start: Launcher | None = None
) -> Checked:
    """Looks at one client, or at all that were set up here. Raises Invalid for an unknown one, Damaged."""
    names = [preset.name for preset in chosen(name)] if name else ledger.load(paths.local, host).runtimes
    place = home or os.path.expanduser("~")
    command = start or launcher(paths.common)
    return Checked(tuple(_one(paths, one, host, place, command) for one in names))


def _one(paths: Paths, name: str, host: Host, home: str, start: Launcher) -> RuntimeCheck:
    planned = configure(paths, Configure(name, dry_run=True), host, start).files
    problems = [f"{one.path}: {one.reason}" for one in planned if one.status == REFUSED]
    missing = [one.path for one in planned if one.status not in (UNCHANGED, REFUSED)]
    if missing:
        problems.append(f"not set up: {', '.join(missing)}; run `thrum init --runtime {name}`")
    state = "incomplete" if missing else "refused" if problems else "ok"
    starts = shutil.which(start[0]) is not None
    if not starts:
        problems.append(f"{start[0]} cannot be started")
    preset = PRESETS[name]
    done = _trusted(name, paths.root, home) if preset.user_step else ""
    return RuntimeCheck(name, state, " ".join(start), done, preset.user_step, tuple(problems))


def _trusted(name: str, root: str, home: str) -> str:
    """What the client itself keeps about this directory, where that can be read without it."""
    real = os.path.realpath(root)
    told: Any
    if name == "claude":
        told = _json(os.path.join(home, ".claude.json"))
        trusted = _at(told, "projects", real, "hasTrustDialogAccepted") is True
    elif name == "codex":
        told = _toml(os.path.join(os.environ.get("CODEX_HOME", os.path.join(home, ".codex")), "config.toml"))
        trusted = _at(told, "projects", real, "trust_level") == "trusted"
    elif name == "gemini":
        told = _json(os.path.join(home, ".gemini", "trustedFolders.json"))
        trusted = _at(told, real) == "TRUST_FOLDER"
    else:
        return UNKNOWN
    return TRUSTED if trusted else OPEN


def _at(told: Any, *names: str) -> Any:
    for name in names:
        told = mapping(told).get(name)
    return told


def _json(path: str) -> Any:
    try:
        return json.loads(files.read(path) or b"{}")
    except ValueError:
        return {}


def _toml(path: str) -> Any:
    try:
        return tomllib.loads((files.read(path) or b"").decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        return {}
