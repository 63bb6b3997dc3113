"""demo: two agents talk in a scratch repository, each through its own MCP server."""

from __future__ import annotations

import tempfile

from thrum_cli.command import App, command
from thrum_cli.demo.stage import Shown
from thrum_cli.terminal import output
from thrum_cli.terminal.output import bold, dim, human


@command("demo", "thrum demo")
def demo(app: App) -> Shown:
    """Watch two agents talk in a scratch repository.

    It creates a repository with two worktrees, registers an agent in each, starts a real MCP server for each, and lets
    them talk. It ends within 15 seconds and removes everything it created. Your own repository is not touched.
    """
    from thrum_cli.demo import play  # the MCP SDK: a second that no other command should wait for

    def say(text: str = "") -> None:
        if not (app.json or app.quiet):
            output.tell(text or " ")

    with tempfile.TemporaryDirectory(prefix="thrum-demo-") as scratch:
        return play.run(scratch, say)


@human.report(Shown)
def _shown(shown: Shown) -> str:
    steps = (
        "cd ~/your/repository",
        "thrum init --runtime claude       # codex, gemini …: thrum runtime list",
        "thrum quickstart --name planner --role lead --module auth",
        "git worktree add ../builder && cd ../builder",
        "thrum init --runtime claude",
        "thrum quickstart --name builder --role implementer --module auth",
    )
    counted = f"{len(shown.messages)} messages, {shown.events} events, {shown.seconds:.1f} s."
    return "\n".join(
        [
            "",
            bold("Now in your own repository"),
            *(f"  {step}" for step in steps),
            "",
            dim(f"{counted} The scratch repository was removed."),
        ]
    )
