"""init: set thrum up in a repository, and in the client of a coding agent."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_cli.clients.configure import REFUSED, Configure, Configured, configure
from thrum_cli.clients.detect import chosen_runtime
from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_store import setup
from thrum_store.machine.host import REAL
from thrum_store.repository import paths
from thrum_store.service.team.agents import Register
from thrum_store.setup import Initialize, Initialized

from ._shared.joining import Joined, join, joined, planned, wanted
from ._shared.set_up import RUNTIMES, configured, initialized


@dataclass(frozen=True)
class SetUp:
    """What `thrum init` did: the repository, then a client with its files, and an agent; null where none was asked
    for.
    """

    repository: str
    store: str
    created: bool
    dry_run: bool
    steps: tuple[str, ...]
    runtime: str | None = None
    runtime_init: Configured | None = None
    agent: Joined | None = None


@command(
    "init",
    "thrum init",
    "thrum init --runtime claude",
    "thrum init --runtime all --dry-run",
    "thrum init --stealth",
    returns=(Initialized, SetUp),
    options=(
        Option("--runtime", f"Also set up a client: {RUNTIMES}.", "NAME"),
        Option("--agent-name", "Also register an agent of this name and start its session.", "NAME"),
        Option("--agent-role", "What that agent does.", "ROLE"),
        Option("--agent-module", "What it works on.", "MODULE"),
        Option("--force", "Complete an older set-up; what you changed in our parts gives way."),
        Option("--stealth", "Touch no tracked file: ignore .thrum/ in .git/info/exclude."),
        Option("--dry-run", "Say what would be done, and do nothing."),
    ),
)
def init(
    app: App,
    runtime: str | None,
    agent_name: str | None,
    agent_role: str | None,
    agent_module: str | None,
    force: bool,
    stealth: bool,
    dry_run: bool,
) -> Outcome:
    """Set thrum up in this repository.

    Makes .thrum/, which git ignores, and the branch a-sync for the messages, in a worktree of its own. Your branches
    are not touched. With --runtime it also writes the client's configuration; `thrum uninit` takes that back. With
    --agent-name, --agent-role and --agent-module it registers an agent. Doing it again changes nothing.
    """
    here = paths.find(app.repo)
    client = chosen_runtime(here, runtime, REAL) if runtime else None
    app.role, app.module = agent_role or app.role, agent_module or app.module
    whom = wanted(app, here, agent_name, None, False) if agent_name or agent_role or agent_module else None
    done = setup.initialize(here, Initialize(stealth, dry_run))
    if client is None and whom is None:
        return Outcome(done)
    files = configure(here, Configure(client, dry_run, force, stealth)) if client is not None else None
    return _outcome(app, done, (client, files), whom)


def _outcome(
    app: App, done: Initialized, runtime: tuple[str | None, Configured | None], whom: Register | None
) -> Outcome:
    files = runtime[1]
    agent = join(app, whom)[1] if whom is not None and not done.dry_run else None
    steps = (*done.steps, planned(whom)) if whom is not None and done.dry_run else done.steps
    refused = files is not None and any(one.status == REFUSED for one in files.files)
    return Outcome(
        SetUp(done.repository, done.store, done.created, done.dry_run, steps, *runtime, agent), 1 if refused else 0
    )


@human.register(SetUp)
def _set_up(done: SetUp, screen: Screen) -> str:
    first = Initialized(done.repository, done.store, done.created, done.dry_run, done.steps)
    parts = [initialized(first, screen)]
    parts += [configured(done.runtime_init, screen)] if done.runtime_init else []
    parts += [joined(done.agent, screen)] if done.agent else []
    return "\n".join(parts)
