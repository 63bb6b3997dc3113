"""agent register and quickstart: the two commands that give a worktree its identity."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from thrum_store import identity, paths, setup
from thrum_store.errors import Invalid
from thrum_store.model import Caller
from thrum_store.service import agents, liveness, sessions
from thrum_store.service.agents import Register, Registered
from thrum_store.service.sessions import SessionStarted
from thrum_store.setup import Initialize, Initialized

from ..app import App
from ..command import command, keep, pass_app
from ..output import Screen, human, warn
from .sessions import started
from .setup import initialized


@dataclass(frozen=True)
class Quickstarted:
    """What quickstart did. `init` is null where the repository was set up already, `intent` where none was given."""

    register: Registered
    session: SessionStarted
    intent: str | None
    init: Initialized | None


def _identity_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--force", is_flag=True, help="Take the name over from another worktree."),
        click.option("--display", metavar="NAME", help="How people like to see you."),
        click.option("--module", metavar="MODULE", help="What you work on.", expose_value=False, callback=keep),
        click.option("--role", metavar="ROLE", help="What you do.", expose_value=False, callback=keep),
        click.option("--name", metavar="NAME", help="How you are addressed; THRUM_NAME beats it."),
    ):
        function = option(function)
    return function


@command(
    "register",
    "thrum agent register --name builder --role implementer --module auth",
    "thrum agent register --name builder --role implementer --module auth --force",
)
@_identity_options
@click.option("--re-register", is_flag=True, help="Register again, even if nothing changed.")
@pass_app
def register(app: App, name: str | None, display: str | None, force: bool, re_register: bool) -> Registered:
    """Register an agent in this worktree.

    Without --name it is named after its role and module. Starts no session: `thrum quickstart` does both.
    """
    return agents.register(app.store, _wanted(app, name, display, force, re_register=re_register))


@command(
    "quickstart",
    "thrum quickstart --name planner --role planner --module auth",
    'thrum quickstart --intent "Design the token format"',
    "thrum quickstart",
)
@_identity_options
@click.option("--intent", metavar="TEXT", help="What you are going to do.")
@click.option("--no-init", is_flag=True, help="Fail where the repository is not set up, instead of setting it up.")
@pass_app
def quickstart(
    app: App, name: str | None, display: str | None, force: bool, intent: str | None, no_init: bool
) -> Quickstarted:
    """Register, start a session and set your intent.

    Sets the repository up first if it must. In a worktree that has an identity, `thrum quickstart` alone starts the
    next session.
    """
    made = None if no_init else _initialized(app)
    wanted = _wanted(app, name, display, force)
    registered = agents.register(app.store, wanted)
    caller = Caller(registered.agent_id, wanted.role, wanted.module, wanted.display, app.paths.worktree)
    session = sessions.start(app.store, caller)
    if intent:
        liveness.set_intent(app.store, caller, intent)
    return Quickstarted(registered, session, intent, made)


def _initialized(app: App) -> Initialized | None:
    places = paths.find(app.repo)
    return None if places.initialized else setup.initialize(places, Initialize())


def _wanted(app: App, name: str | None, display: str | None, force: bool, re_register: bool = False) -> Register:
    """Whom to register: what was given, then the environment, then this worktree's only identity."""
    forced = os.environ.get("THRUM_NAME")
    if forced and name and forced != name:
        warn(f"THRUM_NAME is {forced!r} and beats --name {name!r}")
    given = app.given(name, display)
    known = identity.named(app.paths, given)
    caller = identity.resolve(app.paths, given._replace(name=known or _PLACEHOLDER))
    missing = [f"--{field}" for field, value in (("role", caller.role), ("module", caller.module)) if not value]
    if missing:
        raise Invalid(
            f"nothing says your {' and your '.join(field[2:] for field in missing)}",
            hint=f"add {' and '.join(f'{field} {field[2:].upper()}' for field in missing)}, like --role reviewer",
        )
    return Register(known, caller.role, caller.module, caller.display, force, re_register)


_PLACEHOLDER = "unnamed"  # an agent that gets its name from its role and module has no identity file to read


@human.register(Registered)
def _registered(registered: Registered, screen: Screen) -> str:
    del screen
    said = {"registered": "is registered", "updated": "is registered anew", "unchanged": "was registered already"}
    return f"@{registered.agent_id} {said[registered.status]} ({registered.identity_file})."


@human.register(Quickstarted)
def _quickstarted(done: Quickstarted, screen: Screen) -> str:
    lines = [initialized(done.init, screen)] if done.init else []
    lines += [_registered(done.register, screen), started(done.session, screen)]
    lines += [f"Intent: {done.intent}"] if done.intent else []
    lines.append('Next: thrum inbox, thrum agent list, thrum send "Hello" --to @NAME')
    return "\n".join(lines)
