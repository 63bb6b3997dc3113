"""hook: what a client runs at each turn. The console script takes a shorter way to the same place (see main.py)."""

from __future__ import annotations

import click

from thrum_cli.command import command
from thrum_cli.hooks.entry import run


@command("hook", "thrum hook session-start --runtime claude", "thrum hook prompt --runtime codex")
@click.argument("event")
@click.option("--runtime", default="claude", metavar="NAME", help="Whose form the answer has.")
@click.pass_context
def hook(context: click.Context, event: str, runtime: str) -> None:
    """Answer a client's hook. `thrum init --runtime` writes these calls into its configuration.

    EVENT is session-start, prompt, post-tool, stop, listen, pre-compact, before-edit, after-edit or session-end. Prints
    what the agent shall read, and nothing where there is nothing to say.
    """
    context.exit(run([event, "--runtime", runtime]))
