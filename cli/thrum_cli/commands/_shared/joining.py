"""Joining: an agent's identity from options, environment and identity file, its registration and first session."""

from __future__ import annotations

import os

from thrum_cli.command import App, Option
from thrum_cli.commands.session import started
from thrum_cli.terminal.output import human, warn
from thrum_store import identity
from thrum_store.errors import AmbiguousIdentity, NoIdentity
from thrum_store.identity import Caller, Given
from thrum_store.repository.paths import Paths
from thrum_store.service import message_parts
from thrum_store.service.team import agents, sessions
from thrum_store.service.team.agents import Register, Registered
from thrum_store.service.team.sessions import SessionStarted
from thrum_store.values import Record

_PLACEHOLDER = "unnamed"  # an agent that gets its name from its role and module has no identity file to read
IDENTITY = (
    Option("--name", "The name others address you by; THRUM_NAME overrides it.", "NAME"),
    Option("--role", "Your role.", "ROLE", on_app=True),
    Option("--module", "The module you work on.", "MODULE", on_app=True),
    Option("--display", "The name people see.", "NAME"),
    Option("--force", "Take the name over from another worktree."),
)


class Joined(Record):
    """An agent that was registered, and the session it started."""

    register: Registered
    session: SessionStarted


def wanted(
    app: App, paths: Paths, name: str | None, display: str | None, force: bool, re_register: bool = False
) -> Register:
    """Return the agent to register: from options, environment, identity file. Raises Invalid without any of them."""
    forced = os.environ.get("THRUM_NAME")
    if forced and name and forced != name:
        warn(f"THRUM_NAME is {forced!r} and overrides --name {name!r}")
    given = app.given(name, display)
    known = identity.named(paths, given)
    caller = identity.resolve(paths, given._replace(name=known or _PLACEHOLDER))
    if not (known or caller.role or caller.module):
        raise NoIdentity("no agent is registered in this worktree, and this line names none")
    return Register(known, caller.role, caller.module, caller.display, force, re_register)


def registrant(
    app: App, paths: Paths, name: str | None, display: str | None = None, force: bool = False, re_register: bool = False
) -> Register:
    """Return the agent to register; without a name never another one than this worktree's with that role and module.

    Raises as `wanted`, and AmbiguousIdentity if several fit.
    """
    asked = identity.resolve(paths, app.given(name or _PLACEHOLDER, display))
    if name or asked.name != _PLACEHOLDER or not (asked.role or asked.module):
        return wanted(app, paths, name, display, force, re_register)
    ours = [identity.resolve(paths, Given(known), {}) for known in identity.names(paths) if _readable(paths, known)]
    fitting = [agent.name for agent in ours if _fits(agent, asked)]
    if len(fitting) > 1:
        raise AmbiguousIdentity(fitting)
    if fitting:
        return wanted(app, paths, fitting[0], display, force, re_register)
    host = ours[0] if len(ours) == 1 else Caller("")
    return Register(None, asked.role or host.role, asked.module or host.module, asked.display, force, re_register)


def _fits(agent: Caller, asked: Caller) -> bool:
    return asked.role in ("", agent.role) and asked.module in ("", agent.module)


def _readable(paths: Paths, name: str) -> bool:
    return os.access(os.path.join(paths.identities, f"{name}.json"), os.R_OK)  # else another user's


def check(app: App, paths: Paths, agent: Register, intent: str | None = None) -> None:
    """Check everything that a registration and an intent could be refused for, before anything is written."""
    agents.check_form(agent)
    message_parts.label(intent or "", "intent")
    if paths.initialized:
        agents.check(app.store, agent)


def join(app: App, agent: Register) -> tuple[Caller, Joined]:
    """Register an agent in this worktree and start its session."""
    registration = agents.register(app.store, agent)
    caller = Caller(registration.address, agent.role, agent.module, agent.display, app.paths.worktree)
    return caller, Joined(registration, sessions.start(app.store, caller))


def planned(agent: Register) -> str:
    """Return in words what `join` would do."""
    name = f"@{agent.name}" if agent.name else "an agent named after its work"
    work = ", ".join(filter(None, (agent.role, agent.module)))
    return f"would register {name}{f' ({work})' if work else ''} and start a session"


@human.report(Registered)
def registered(registration: Registered) -> str:
    """Return a registration in words."""
    states = {"registered": "registered", "updated": "re-registered", "unchanged": "already registered"}
    lines = [f"Agent {states[registration.status]}: @{registration.address} ({registration.identity_file})."]
    if registration.others:
        also = ", ".join(f"@{name}" for name in registration.others)
        choice = f"`export THRUM_NAME={registration.address}` says that you are this one."
        lines.append(f"This worktree also has {also}: {choice}")
    if registration.preamble:
        lines.append(f"Preamble from the role template: {registration.preamble}.")
    return "\n".join([*lines, *(f"Note: {note}." for note in registration.notes)])


@human.report(Joined)
def joined(agent: Joined) -> str:
    """Return a registration and a started session in words."""
    return f"{registered(agent.register)}\n{started(agent.session)}"
