"""quickstart: register an agent, start its session and set its intent."""

from __future__ import annotations

from typing import BinaryIO

from thrum_cli.clients.configure import Configure, Configured, configure
from thrum_cli.clients.detect import chosen_runtime, client_to_set_up
from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import human, warn
from thrum_store import setup
from thrum_store.errors import Conflict, NotInitialized
from thrum_store.identity import NAME_LIMIT, Caller
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths, find
from thrum_store.service.team import contexts, heartbeat
from thrum_store.service.team.agents import Register, Registered
from thrum_store.service.team.heartbeat import IntentSet
from thrum_store.service.team.sessions import SessionStarted
from thrum_store.setup import Initialize, Initialized
from thrum_store.values import Record

from ._shared.client_setup import Starting, set_clients_up, starting, write_launcher
from ._shared.joining import IDENTITY, Joined, check, join, joined, planned, wanted
from ._shared.preambles import default_preamble, text_of
from ._shared.set_up import RUNTIMES, configured, initialized


class Quickstarted(Record):
    """The result of quickstart.

    `init` is null if the repository was already set up. `intent`, `preamble` and `runtime` (with its files in
    `runtime_init`, and how it starts thrum in `starting`) are null if they were not asked for.
    """

    register: Registered
    session: SessionStarted
    intent: IntentSet | None
    init: Initialized | None
    runtime: str | None = None
    runtime_init: Configured | None = None
    preamble: str | None = None
    starting: Starting | None = None


class Planned(Record):
    """The plan of quickstart with --dry-run: the agent to register, the files of a client, and the preamble's file."""

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
        Option("--preamble-file", "Text to add to your default preamble.", "PATH", kind="file"),
        Option("--dry-run", "Show what would be done, and change nothing."),
        Option("--no-init", "Fail if the repository is not set up, instead of setting it up."),
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

    It sets the repository up first, if needed. In a worktree with an identity, `thrum quickstart` alone starts the next
    session. It also sets up the client that runs it, that has files here, or that is the default, unless that was done
    or undone before. A template of your role becomes your preamble, unless you edited that.
    """
    paths, asked = find(app.repo), runtime is not None
    if no_init and not paths.initialized:
        raise NotInitialized(paths.root)
    agent = wanted(app, paths, name, display, force)
    check(app, paths, agent, intent)
    addition = None if preamble_file is None else _addition(agent, preamble_file)
    client = chosen_runtime(paths, runtime, REAL) if runtime else client_to_set_up(paths) or None
    files = configure(paths, Configure(client, dry_run=True)) if client else None
    if not paths.initialized:
        setup.initialize(paths, Initialize(dry_run=True))
    if dry_run:
        file = preamble_file.name if preamble_file is not None else None
        return Planned(agent.name, agent.role, agent.module, not paths.initialized, client, files, file)
    created = None if paths.initialized else setup.initialize(paths, Initialize())
    caller, new = join(app, agent)
    changed = heartbeat.set_intent(app.store, caller, intent) if intent else None
    preamble = None if addition is None else _save(app, caller, addition)
    if created is not None and client is None:
        write_launcher(paths)
    done, started = _client_set_up(app.paths, client, asked=asked) if client else (None, None)
    return Quickstarted(new.register, new.session, changed, created, client, done, preamble, started)


def _client_set_up(paths: Paths, client: str, *, asked: bool) -> tuple[Configured | None, Starting | None]:
    """Set a client up; one that nobody asked for and that cannot be is a warning."""
    try:
        return set_clients_up(paths, Configure(client))
    except Conflict as error:
        if asked:
            raise
        warn(f"{client} was not set up: {error.message}")
        return None, None


def _addition(agent: Register, file: BinaryIO) -> str:
    """Return the text that goes after the default preamble. Raises Invalid for one that cannot be saved."""
    addition, name = text_of(file), agent.name or NAME_LIMIT * "x"
    contexts.checked(name, "preamble", _with(name, agent.role, addition))
    return addition


def _with(name: str, role: str, addition: str) -> str:
    return f"{default_preamble(name, role)}\n---\n\n{addition}"


def _save(app: App, caller: Caller, addition: str) -> str:
    """Save the default preamble with a text after it, and return the path."""
    return contexts.set_preamble(app.store, caller.name, _with(caller.name, caller.role, addition)).file


@human.report(Quickstarted)
def _quickstarted(result: Quickstarted) -> str:
    lines = [initialized(result.init)] if result.init else []
    lines.append(joined(Joined(result.register, result.session)))
    lines += [f"Intent set: {result.intent.intent}"] if result.intent else []
    lines += [f"Preamble: {result.preamble}"] if result.preamble else []
    lines += [configured(result.runtime_init)] if result.runtime_init else []
    lines += [text for text in [starting(result.starting) if result.starting else ""] if text]
    lines.append('Next: thrum inbox, thrum agent list, thrum send "Hello" --to @NAME')
    return "\n".join(lines)


@human.register(Planned)
def _plan(plan: Planned) -> str:
    lines = ["Would set thrum up in this repository."] if plan.initialized else []
    lines.append(f"W{planned(Register(plan.name, plan.role, plan.module))[1:]}.")
    lines += [f"Would save the default preamble, followed by {plan.preamble}."] if plan.preamble else []
    lines += [configured(plan.runtime_init)] if plan.runtime_init else []
    return "\n".join(lines)
