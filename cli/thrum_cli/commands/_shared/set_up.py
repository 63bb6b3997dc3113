"""The results of a setup in words: of a repository, and of the files of a client."""

from __future__ import annotations

from thrum_cli.clients.configure import ClientFile, Configured
from thrum_cli.terminal.output import human
from thrum_store.setup import Initialized

RUNTIMES = "claude, codex, cursor, gemini, auggie, amp, opencode, cli-only, all, or auto for the one used here"


@human.report(Initialized)
def initialized(setup: Initialized) -> str:
    """Return the setup of a repository in words."""
    steps = [f"  {step}" for step in setup.steps]
    if setup.dry_run:
        return "\n".join([f"In {setup.repository}:", *(steps or ["  nothing to do: it is set up"])])
    if not setup.created and not steps:
        return f"thrum is already initialized in {setup.repository}."
    return "\n".join([f"thrum is initialized in {setup.repository}:", *steps])


def changes(files: tuple[ClientFile, ...], *, with_diff: bool) -> str:
    """Return the files with what was done to each, and the differences if asked for."""
    lines = [f"  {file.status:<9}  {file.path}" + (f"  ({file.reason})" if file.reason else "") for file in files]
    diffs = [file.diff.rstrip("\n") for file in files if file.diff] if with_diff else []
    return "\n".join([*lines, *diffs])


@human.report(Configured)
def configured(setup: Configured) -> str:
    """Return the setup of clients in words: files, then the steps left to the user."""
    first = f"{'Would set up' if setup.dry_run else 'Set up'} for {', '.join(setup.runtimes)}:"
    steps = [f"  {step.runtime}: {step.step}" for step in setup.steps]
    rest = ["Steps left for you:", *steps] if steps else []
    return "\n".join([first, changes(setup.files, with_diff=setup.dry_run), *rest])
