"""hook: what a client runs at each turn. The console script takes a shorter way to the same place (see main.py)."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Option, command
from thrum_cli.hooks.entry import run


@command(
    "hook",
    "thrum hook session-start --runtime claude",
    "thrum hook prompt --runtime codex",
    options=(
        Argument("event"),
        Option("--runtime", "Whose form the answer has.", "NAME", default="claude"),
    ),
)
def hook(_: App, event: str, runtime: str) -> int:
    """Answer a client's hook.

    EVENT is session-start, prompt, post-tool, stop, listen, pre-compact, before-edit, after-edit or session-end. Prints
    what the agent shall read, and nothing where there is nothing to say.
    """
    return run([event, "--runtime", runtime])
