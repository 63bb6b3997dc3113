"""hook: the command that clients run on events. `main.run` takes a shortcut to the same function."""

from __future__ import annotations

from thrum_cli.command import App, Argument, Option, command
from thrum_cli.hooks.entry import run


@command(
    "hook",
    "thrum hook session-start --runtime claude",
    "thrum hook prompt --runtime codex",
    options=(
        Argument("event"),
        Option("--runtime", "The client whose format the answer has (default claude).", "NAME", default="claude"),
    ),
)
def hook(_: App, event: str, runtime: str) -> int:
    """Answer a client's hook.

    EVENT is session-start, prompt, post-tool, stop, listen, pre-compact, before-edit, after-edit or session-end. It
    prints the text for the agent, if there is any. `thrum init --runtime` configures clients to run it.
    """
    return run([event, "--runtime", runtime])
