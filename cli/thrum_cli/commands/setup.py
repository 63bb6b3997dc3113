"""init: everything a repository needs, and the files that make a coding agent's client use it."""

from __future__ import annotations

from dataclasses import dataclass

import click

from thrum_store import paths, setup
from thrum_store.host import REAL
from thrum_store.setup import Initialize, Initialized

from ..app import App
from ..command import command, pass_app
from ..output import Outcome, Screen, human
from ..runtimes.configure import REFUSED, Configure, Configured, configure
from ..runtimes.detect import meant
from .runtimes import configured

RUNTIMES = "claude, codex, cursor, gemini, auggie, amp, opencode, cli-only, all, or auto: the one that is used here"


@dataclass(frozen=True)
class SetUp:
    """What `thrum init --runtime` did: the repository, then the clients."""

    repository: str
    store: str
    created: bool
    dry_run: bool
    steps: tuple[str, ...]
    runtime: Configured


@command(
    "init", "thrum init", "thrum init --runtime claude", "thrum init --runtime all --dry-run", "thrum init --stealth"
)
@click.option("--runtime", metavar="NAME", help=f"Also set up a client: {RUNTIMES}.")
@click.option("--force", is_flag=True, help="Complete an older set-up; what you changed in our parts gives way.")
@click.option("--stealth", is_flag=True, help="Touch no tracked file: ignore .thrum/ in .git/info/exclude.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@pass_app
def init(app: App, runtime: str | None, force: bool, stealth: bool, dry_run: bool) -> Outcome:
    """Set thrum up in this repository.

    Makes .thrum/, which git ignores, and the branch a-sync for the messages, in a worktree of its own. Your branches
    are not touched. With --runtime it also writes the client's configuration; `thrum uninit` takes that back. Doing it
    again changes nothing.
    """
    here = paths.find(app.repo)
    wanted = meant(here, runtime, REAL) if runtime else None
    done = setup.initialize(here, Initialize(stealth, dry_run, force))
    if wanted is None:
        return Outcome(done)
    files = configure(here, Configure(wanted, dry_run, force, stealth))
    refused = any(one.status == REFUSED for one in files.files)
    return Outcome(
        SetUp(done.repository, done.store, done.created, done.dry_run, done.steps, files), 1 if refused else 0
    )


@human.register(SetUp)
def _set_up(done: SetUp, screen: Screen) -> str:
    first = Initialized(done.repository, done.store, done.created, done.dry_run, done.steps)
    return f"{initialized(first, screen)}\n{configured(done.runtime, screen)}"


@human.register(Initialized)
def initialized(done: Initialized, screen: Screen) -> str:
    """How a set-up looks."""
    del screen
    steps = [f"  {step}" for step in done.steps]
    if done.dry_run:
        return "\n".join([f"In {done.repository}:", *(steps or ["  nothing to do: it is set up"])])
    if not done.created and not steps:
        return f"thrum is set up in {done.repository} already."
    return "\n".join([f"thrum is set up in {done.repository}:", *steps])
