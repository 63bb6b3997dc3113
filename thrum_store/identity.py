"""Who is calling, decided once at the edge: THRUM_NAME, then --name, then this worktree's identity file.

Role, module and display follow as flag, then environment, then file. Nothing is ever guessed: several identities and
nothing that decides is an error. This keeps apart agents that mean well; it does not stop a process of the same user.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import model
from .errors import AmbiguousIdentity, Invalid, NoIdentity
from .machine.host import REAL, Host
from .model import Caller
from .repository.paths import Paths
from .times import rfc3339

VERSION = 3  # of the identity file, as the Go program counts


class Given(NamedTuple):
    """What the command line said; None where it said nothing."""

    name: str | None = None
    role: str | None = None
    module: str | None = None
    display: str | None = None


NOTHING = Given()


def resolve(paths: Paths, given: Given = NOTHING, environ: Mapping[str, str] = os.environ) -> Caller:
    """The caller. Raises NoIdentity, AmbiguousIdentity, or Invalid for a name that cannot be one."""
    name, source = decided(paths, given, environ)
    file = load(paths, name) or {}
    agent: dict[str, Any] = file.get("agent", {})

    def field(flag: str | None, variable: str, key: str) -> str:
        return flag or environ.get(variable) or str(agent.get(key, ""))

    return Caller(
        name=name,
        role=field(given.role, "THRUM_ROLE", "role"),
        module=field(given.module, "THRUM_MODULE", "module"),
        display=field(given.display, "THRUM_DISPLAY", "display"),
        worktree=paths.worktree,
        source=source,
    )


def named(paths: Paths, given: Given, environ: Mapping[str, str] = os.environ) -> str | None:
    """The name that was given or stands in the only identity file; None where there is none."""
    try:
        return decided(paths, given, environ)[0]
    except AmbiguousIdentity:
        raise
    except NoIdentity:
        return None


def decided(paths: Paths, given: Given = NOTHING, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The caller's name and what decides it: environment, flag or file. Raises as `resolve`; reads no file."""
    if environ.get("THRUM_NAME"):
        return model.name(environ["THRUM_NAME"]), "environment"
    if given.name:
        return model.name(given.name), "flag"
    known = names(paths)
    if len(known) > 1:
        raise AmbiguousIdentity(known)
    if not known:
        raise NoIdentity
    return known[0], "file"


def names(paths: Paths) -> list[str]:
    """The identities of this worktree."""
    try:
        files = os.listdir(paths.identities)
    except FileNotFoundError:
        return []
    return sorted(file.removesuffix(".json") for file in files if file.endswith(".json"))


def load(paths: Paths, name: str) -> dict[str, Any] | None:
    """An identity file, its agent's keys in lower case (the Go program wrote them with a capital); None without one."""
    try:
        with open(_path(paths, name), encoding="utf-8") as file:
            told: dict[str, Any] = json.load(file)
        told["agent"] = {key.lower(): value for key, value in told.get("agent", {}).items()}
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, TypeError):
        raise Invalid(
            f"{_path(paths, name)} is not an identity file", hint="remove it and run `thrum quickstart` again"
        ) from None
    return told


def save(paths: Paths, caller: Caller, session_id: str | None = None, intent: str = "", host: Host = REAL) -> str:
    """Writes the caller's identity file, keeping keys we do not know; returns its path within the worktree."""
    told = load(paths, caller.name) or {}
    told |= {
        "version": VERSION,
        "agent": {
            "kind": "agent", "name": caller.name, "role": caller.role, "module": caller.module,
            "display": caller.display,
        },
        "worktree": paths.worktree,
        "branch": paths.branch,
        "intent": intent or told.get("intent", ""),
        "session_id": told.get("session_id", "") if session_id is None else session_id,
        "updated_at": rfc3339(host.clock.wall_ms()),
    }  # fmt: skip
    host.storage.directory(paths.identities)
    host.storage.replace(_path(paths, caller.name), json.dumps(told, indent=2).encode() + b"\n")
    return relative(caller.name)


def relative(name: str) -> str:
    """The path of an identity file within its worktree."""
    return os.path.join(".thrum", "identities", f"{name}.json")


def _path(paths: Paths, name: str) -> str:
    return os.path.join(paths.identities, f"{name}.json")
