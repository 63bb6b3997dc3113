"""Checks whether a client is set up and trusted by its user, and starts thrum as it would. No client is started."""

from __future__ import annotations

import json
import os
import tomllib
from typing import Any

from thrum_store.machine.host import REAL, Host
from thrum_store.repository.paths import Paths
from thrum_store.values import Record

from . import files, ledger
from .configure import CREATED, REFUSED, UNCHANGED, Configure, configure
from .jsontext import mapping
from .launcher import START
from .presets import PRESETS, chosen
from .start_check import Starter, file_problems, read_starts

TRUSTED, OPEN, UNKNOWN = "done", "to do", "unknown"


class RuntimeCheck(Record):
    """The state of a client: its files (ok, incomplete or refused), its command, and the user's step.

    `command` is how it starts thrum. `user_step` is done, to do, unknown, or empty if there is none; `step` says what
    the user has to do. `problems` are sentences.
    """

    runtime: str
    files: str
    command: str
    user_step: str
    step: str
    problems: tuple[str, ...]


class Checked(Record):
    """The clients that were checked."""

    runtimes: tuple[RuntimeCheck, ...]

    @property
    def healthy(self) -> bool:
        """True if no client has a problem."""
        return not any(client.problems for client in self.runtimes)


def check(paths: Paths, name: str | None, host: Host = REAL, home: str | None = None) -> Checked:
    """Check one client, or all that are set up in this worktree. Raises Invalid for an unknown one, Corrupted."""
    names = [preset.name for preset in chosen(name)] if name else ledger.load(paths.local, host).runtimes
    user_home = home or os.path.expanduser("~")
    starter = Starter(paths)
    return Checked(tuple(_check(paths, name, host, user_home, starter) for name in names))


def _check(paths: Paths, name: str, host: Host, home: str, starter: Starter) -> RuntimeCheck:
    planned = configure(paths, Configure(name, dry_run=True), host).files
    problems = [f"{file.path}: {file.reason}" for file in planned if file.status == REFUSED]
    missing = [file.path for file in planned if file.status not in (UNCHANGED, REFUSED)]
    again = f"run `thrum init --runtime {name}`"
    if missing:
        problems.append(f"not set up: {', '.join(missing)}; {again}")
    state = "incomplete" if missing else "refused" if problems else "ok"
    present = [file.path for file in planned if file.status != CREATED]
    problems += [f"{problem}; {again}" for problem in file_problems(paths, present, starter)]
    step = PRESETS[name].user_step
    user_step = _trust(name, paths.root, home) if step else ""
    return RuntimeCheck(name, state, _command(paths, present), user_step, step, tuple(problems))


def _command(paths: Paths, names: list[str]) -> str:
    """Return the command that starts thrum in these files, or the launcher that it leads to."""
    words = dict.fromkeys(start.words for name in names for start in read_starts(paths, name))
    return ", ".join(paths.launcher if start == START else " ".join(start) for start in words) or "thrum"


def _trust(name: str, root: str, home: str) -> str:
    """Return whether the user trusted this directory, from the client's own settings where those can be read."""
    real = os.path.realpath(root)
    if name == "claude":
        settings = _json(os.path.join(home, ".claude.json"))
        trusted = _at(settings, "projects", real, "hasTrustDialogAccepted") is True
    elif name == "codex":
        settings = _toml(os.path.join(os.environ.get("CODEX_HOME", os.path.join(home, ".codex")), "config.toml"))
        trusted = _at(settings, "projects", real, "trust_level") == "trusted"
    elif name == "gemini":
        settings = _json(os.path.join(home, ".gemini", "trustedFolders.json"))
        trusted = _at(settings, real) == "TRUST_FOLDER"
    else:
        return UNKNOWN
    return TRUSTED if trusted else OPEN


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = mapping(value).get(name)
    return value


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
