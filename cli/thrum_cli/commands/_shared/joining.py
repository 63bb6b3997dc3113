"""How an agent joins: its identity from options, environment and identity file, and its first session."""

from __future__ import annotations

import os
from dataclasses import dataclass

from thrum_cli.command import App, Option
from thrum_cli.commands.session import started
from thrum_cli.terminal.output import Screen, human, warn
from thrum_store import identity
from thrum_store.errors import Invalid
from thrum_store.model import Caller
from thrum_store.repository.paths import Paths
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import Register, Registered
from thrum_store.service.team.sessions import SessionStarted

_PLACEHOLDER = "unnamed"  # an agent that gets its name from its role and module has no identity file to read


IDENTITY = (
    Option("--name", "The name others address you by; THRUM_NAME overrides it.", "NAME"),
    Option("--role", "Your role.", "ROLE", on_app=True),
    Option("--module", "The module you work on.", "MODULE", on_app=True),
    Option("--display", "The name people see.", "NAME"),
    Option("--force", "Take the name over from another worktree."),
)


@dataclass(frozen=True)
class Joined:
    """An agent that was registered, and the session that it began."""

    register: Registered
    session: SessionStarted


def wanted(
    app: App, here: Paths, name: str | None, display: str | None, force: bool, re_register: bool = False
) -> Register:
    """Whom to register: what was given, then the environment, then this worktree's only identity."""
    forced = os.environ.get("THRUM_NAME")
    if forced and name and forced != name:
        warn(f"THRUM_NAME is {forced!r} and beats --name {name!r}")
    given = app.given(name, display)
    known = identity.named(here, given)
    caller = identity.resolve(here, given._replace(name=known or _PLACEHOLDER))
    missing = [f"--{field}" for field, value in (("role", caller.role), ("module", caller.module)) if not value]
    if missing:
        raise Invalid(
            f"nothing says your {' and your '.join(field[2:] for field in missing)}",
            hint=f"add {' and '.join(f'{field} {field[2:].upper()}' for field in missing)}, like --role reviewer",
        )
    return Register(known, caller.role, caller.module, caller.display, force, re_register)


def join(app: App, whom: Register) -> tuple[Caller, Joined]:
    """Registers an agent in this worktree and starts its session."""
    registered = agents.register(app.store, whom)
    caller = Caller(registered.address, whom.role, whom.module, whom.display, app.paths.worktree)
    return caller, Joined(registered, sessions.start(app.store, caller))


def planned(whom: Register) -> str:
    """What `join` would do, in words."""
    who = f"@{whom.name}" if whom.name else "an agent named after role and module"
    return f"would register {who} ({whom.role}, {whom.module}) and start a session"


@human.register(Registered)
def registered(done: Registered, screen: Screen) -> str:
    """How a registration looks."""
    del screen
    said = {"registered": "is registered", "updated": "is registered anew", "unchanged": "was registered already"}
    return f"@{done.address} {said[done.status]} ({done.identity_file})."


@human.register(Joined)
def joined(done: Joined, screen: Screen) -> str:
    """How an agent that joined looks."""
    return f"{registered(done.register, screen)}\n{started(done.session)}"
