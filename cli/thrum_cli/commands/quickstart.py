"""quickstart: register an agent, start its session and set its intent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from thrum_cli.clients.configure import Configure, Configured, configure
from thrum_cli.clients.detect import chosen_runtime
from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Screen, human
from thrum_store import setup
from thrum_store.machine.host import REAL
from thrum_store.model import Caller
from thrum_store.repository import paths
from thrum_store.repository.paths import Paths
from thrum_store.service.team import contexts, heartbeat
from thrum_store.service.team.agents import Register, Registered
from thrum_store.service.team.heartbeat import IntentSet
from thrum_store.service.team.sessions import SessionStarted
from thrum_store.setup import Initialize, Initialized

from ._shared.joining import IDENTITY, Joined, join, joined, planned, wanted
from ._shared.preambles import default_preamble, text_of
from ._shared.set_up import RUNTIMES, configured, initialized


@dataclass(frozen=True)
class Quickstarted:
    """What quickstart did. `init` is null where the repository was set up already; `intent`, `preamble`, and `runtime`
    with its files in `runtime_init`, where none was given.
    """

    register: Registered
    session: SessionStarted
    intent: IntentSet | None
    init: Initialized | None
    runtime: str | None = None
    runtime_init: Configured | None = None
    preamble: str | None = None


@dataclass(frozen=True)
class Planned:
    """What quickstart would do, and did not: whom it would register, which files it would write for a client, and the
    file that would end the preamble.
    """

    name: str | None
    role: str
    module: str
    initialized: bool
    runtime: str | None
    runtime_init: Configured | None
    preamble: str | None = None
    dry_run: bool = True


@command(
    "quickstart",
    "thrum quickstart --name planner --role lead --module auth",
    'thrum quickstart --intent "Design the token format"',
    "thrum quickstart --name planner --role lead --module auth --runtime claude",
    "thrum quickstart",
    options=(
        *IDENTITY,
        Option("--intent", "What you are going to do.", "TEXT"),
        Option("--runtime", f"Also set up a client: {RUNTIMES}.", "NAME"),
        Option("--preamble-file", "What you shall keep in mind, after the usual preamble.", "PATH", kind="file"),
        Option("--dry-run", "Say what would be done, and do nothing."),
        Option("--no-init", "Fail where the repository is not set up, instead of setting it up."),
    ),
)
def quickstart(
    app: App,
    name: str | None,
    display: str | None,
    force: bool,
    intent: str | None,
    runtime: str | None,
    preamble_file: BinaryIO | None,
    dry_run: bool,
    no_init: bool,
) -> Quickstarted | Planned:
    """Register, start a session and set your intent.

    Sets the repository up first if it must. In a worktree that has an identity, `thrum quickstart` alone starts the
    next session.
    """
    here = paths.find(app.repo)
    client = chosen_runtime(here, runtime, REAL) if runtime else None
    if dry_run:
        return _planned(here, wanted(app, here, name, display, force), client, preamble_file)
    made = None if no_init else _initialized(app)
    caller, done = join(app, wanted(app, app.paths, name, display, force))
    said = heartbeat.set_intent(app.store, caller, intent) if intent else None
    preamble = _preamble(app, caller, preamble_file) if preamble_file is not None else None
    files = configure(app.paths, Configure(client)) if client else None
    return Quickstarted(done.register, done.session, said, made, client, files, preamble)


def _planned(here: Paths, whom: Register, client: str | None, preamble_file: BinaryIO | None) -> Planned:
    files = configure(here, Configure(client, dry_run=True)) if client else None
    preamble = None if preamble_file is None else preamble_file.name
    return Planned(whom.name, whom.role, whom.module, not here.initialized, client, files, preamble)


def _preamble(app: App, caller: Caller, file: BinaryIO) -> str:
    text = f"{default_preamble(caller.name, caller.role)}\n---\n\n{text_of(file)}"
    return contexts.set_preamble(app.store, caller.name, text).file


def _initialized(app: App) -> Initialized | None:
    places = paths.find(app.repo)
    return None if places.initialized else setup.initialize(places, Initialize())


@human.register(Quickstarted)
def _quickstarted(done: Quickstarted, screen: Screen) -> str:
    lines = [initialized(done.init, screen)] if done.init else []
    lines.append(joined(Joined(done.register, done.session), screen))
    lines += [f"Intent: {done.intent.intent}"] if done.intent else []
    lines += [f"Preamble: {done.preamble}"] if done.preamble else []
    lines += [configured(done.runtime_init, screen)] if done.runtime_init else []
    lines.append('Next: thrum inbox, thrum agent list, thrum send "Hello" --to @NAME')
    return "\n".join(lines)


@human.register(Planned)
def _plan(plan: Planned, screen: Screen) -> str:
    lines = ["Would set thrum up in this repository."] if plan.initialized else []
    lines.append(f"W{planned(Register(plan.name, plan.role, plan.module))[1:]}.")
    lines += [f"Would save a preamble: the usual one, then {plan.preamble}."] if plan.preamble else []
    lines += [configured(plan.runtime_init, screen)] if plan.runtime_init else []
    return "\n".join(lines)
