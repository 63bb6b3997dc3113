"""init: set thrum up in a repository, and in the client of a coding agent."""

from __future__ import annotations

from thrum_cli.clients.configure import REFUSED, Configure, Configured
from thrum_cli.clients.detect import chosen_runtime
from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, human
from thrum_store import setup
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import located
from thrum_store.setup import Initialize, Initialized
from thrum_store.values import Record

from ._shared.client_setup import Starting, set_clients_up, starting, write_launcher
from ._shared.joining import Joined, check, join, joined, planned, registrant
from ._shared.set_up import RUNTIMES, configured, initialized


class SetUp(Record):
    """The result of `thrum init`: the repository, and the client's files and the agent, or null if not asked for.

    `starting` is how clients start thrum, and which of their commands do not start.
    """

    repository: str
    store: str
    created: bool
    dry_run: bool
    steps: tuple[str, ...]
    runtime: str | None = None
    runtime_init: Configured | None = None
    agent: Joined | None = None
    starting: Starting | None = None


@command(
    "init",
    "thrum init",
    "thrum init --runtime claude",
    "thrum init --runtime all --dry-run",
    "thrum init --stealth",
    returns=(Initialized, SetUp),
    options=(
        Option("--runtime", f"Also set up a client: {RUNTIMES}.", "NAME"),
        Option("--agent-name", "Also register an agent with this name, and start its session.", "NAME"),
        Option("--agent-role", "The role of that agent.", "ROLE"),
        Option("--agent-module", "The module that agent works on.", "MODULE"),
        Option("--force", "Upgrade an older setup, overwriting your edits inside thrum's own sections."),
        Option("--stealth", "Change no tracked file: ignore .thrum/ in .git/info/exclude."),
        Option("--take-over", "Make the store in the repository this host's: its own host is gone for good."),
        Option("--dry-run", "Show what would be done, and change nothing."),
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
    take_over: bool,
    dry_run: bool,
) -> Outcome:
    """Set thrum up in this repository.

    It creates .thrum/, which git ignores, and the branch a-sync, which holds the messages. Your branches are not
    touched. With --runtime it also writes the client's configuration; `thrum uninit` removes that. With --agent-name,
    --agent-role and --agent-module it registers an agent. Running it again changes nothing.
    """
    paths = located(app.repo)
    client = chosen_runtime(paths, runtime, REAL) if runtime else None
    app.role, app.module = agent_role or app.role, agent_module or app.module
    agent = registrant(app, paths, agent_name) if agent_name or agent_role or agent_module else None
    if agent is not None:
        check(app, paths, agent)
    first = setup.initialize(paths, Initialize(stealth, dry_run, take_over))
    if client is None and not dry_run:
        write_launcher(paths)
    if client is None and agent is None:
        return Outcome(first)
    request = Configure(client, dry_run, force, stealth) if client is not None else None
    files, started = set_clients_up(paths, request) if request is not None else (None, None)
    new = join(app, agent)[1] if agent is not None and not dry_run else None
    steps = (*first.steps, planned(agent)) if agent is not None and dry_run else first.steps
    refused = files is not None and any(file.status == REFUSED for file in files.files)
    dead = started is not None and started.problems
    result = SetUp(first.repository, first.store, first.created, first.dry_run, steps, client, files, new, started)
    return Outcome(result, 1 if refused or dead else 0)


@human.report(SetUp)
def _set_up(result: SetUp) -> str:
    first = Initialized(result.repository, result.store, result.created, result.dry_run, result.steps)
    parts = [initialized(first)]
    parts += [configured(result.runtime_init)] if result.runtime_init else []
    parts += [starting(result.starting)] if result.starting else []
    parts += [joined(result.agent)] if result.agent else []
    return "\n".join(filter(None, parts))
