"""How a set-up looks: of a repository, and of the files of a client."""

from __future__ import annotations

from thrum_cli.clients.configure import (
    ClientFile,
    Configured,
)
from thrum_cli.terminal.output import Screen, human
from thrum_store.setup import Initialized

RUNTIMES = "claude, codex, cursor, gemini, auggie, amp, opencode, cli-only, all, or auto: the one that is used here"


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


def changes(files: tuple[ClientFile, ...], *, with_diff: bool) -> str:
    """The files and what became of them; or what would become of them, as a diff."""
    lines = [f"  {one.status:<9}  {one.path}" + (f"  ({one.reason})" if one.reason else "") for one in files]
    diffs = [one.diff.rstrip("\n") for one in files if one.diff] if with_diff else []
    return "\n".join([*lines, *diffs])


@human.register(Configured)
def configured(done: Configured, screen: Screen) -> str:
    """How a set-up for clients looks: files, then what only the user can do."""
    del screen
    first = f"{'Would set up' if done.dry_run else 'Set up'} for {', '.join(done.runtimes)}:"
    steps = [f"  {one.runtime}: {one.step}" for one in done.steps]
    left = ["What is left to you:", *steps] if steps else []
    return "\n".join([first, changes(done.files, with_diff=done.dry_run), *left])
