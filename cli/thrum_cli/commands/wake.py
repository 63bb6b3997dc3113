"""doctor wake: does mail reach an agent, by which way, and how fast?"""

from __future__ import annotations

import click

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.hooks.wake_check import WakeCheck, wake_check
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_store import times


@command("wake", "thrum doctor wake", "thrum doctor wake --agent builder --timeout 5m --json", returns=WakeCheck)
@click.option("--agent", metavar="NAME", help="Which agent (default: the one of this worktree).")
@click.option("--timeout", default="60s", metavar="DURATION", help="How long to wait for the answer (default 60s).")
@pass_app
def wake(app: App, agent: str | None, timeout: str) -> Outcome:
    """See whether mail reaches an agent, by which way, and how fast.

    Sends it a message that asks for a nonce, and waits for the answer. Exits with 1 when the message did not reach it.
    """
    found = wake_check(app.paths, app.caller, agent or app.caller.name, times.seconds(timeout, "timeout"))
    return Outcome(found, 0 if found.reached else 1)


_WAYS = {
    "listen": "its listener woke it",
    "monitor": "the monitor of its plugin woke it",
    "prompt": "with a prompt of its user",
    "post-tool": "after a tool call",
    "stop": "when it was about to stop",
    "session-start": "at the start of its session",
}


@human.register(WakeCheck)
def _checked(found: WakeCheck, screen: Screen) -> str:
    del screen
    if not found.reached:
        rest = "was taken back" if found.withdrawn else f"waits for it ({found.message_id})"
        return f"@{found.agent_id} was not reached in time; the message {rest}."
    lines = [
        ("shown to it", found.shown_seconds, f", {_WAYS.get(found.shown_by, found.shown_by)}"),
        ("taken by it", found.read_seconds, ""),
        ("answered", found.answered_seconds, ""),
    ]
    told = [f"  {what} after {seconds} s{how}" for what, seconds, how in lines if seconds is not None]
    return "\n".join([f"@{found.agent_id} was reached by {found.rung or 'another way'}:", *told])
