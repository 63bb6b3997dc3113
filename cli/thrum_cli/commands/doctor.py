"""doctor: find problems and repair them; check the clients, and whether mail wakes an agent."""

from __future__ import annotations

from typing import Any

import click

from thrum_cli.app import App
from thrum_cli.clients import check as checking
from thrum_cli.clients.check import Checked, RuntimeCheck
from thrum_cli.command import Entry, command, group, pass_app
from thrum_cli.hooks.wake_check import WakeCheck, wake_check
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.progress import Counting
from thrum_cli.terminal.text import bold, dim, green, plural, red, wrap
from thrum_store import times
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.doctor import Diagnosis, examine
from thrum_store.service.upkeep.findings import Finding

_SECTIONS = {
    "Commands": {
        "runtimes": Entry("commands.doctor:check", "Check the clients that are set up here."),
        "wake": Entry("commands.doctor:wake", "See whether mail reaches an agent, by which way, and how fast."),
    }
}


@group(
    "doctor",
    _SECTIONS,
    "thrum doctor",
    "thrum doctor --fix",
    "thrum doctor --deep",
    "thrum doctor runtimes",
    "thrum doctor wake --agent builder",
    invoke_without_command=True,
    returns=Diagnosis,
)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.option("--deep", is_flag=True, help="Read every line of large logs, too, and all of the view.")
@click.option("--give-up", is_flag=True, help="Mend, and end logs whose rest is lost, so that their agents can go on.")
@click.pass_context
@pass_app
def doctor(app: App, context: click.Context, fix: bool, deep: bool, give_up: bool) -> Any:
    """Check the set-up, the logs and the view, and say what mends what is wrong.

    Logs of more than 1 MB in all are checked by their headers and lengths, unless --deep. With --fix, what was
    published of a damaged log comes back from the branch a-sync. Exit code 1: a problem is left.
    """
    if context.invoked_subcommand is not None:
        return None
    with Counting(quiet=app.quiet) as counting:
        found = examine(app.repo, Examine(fix, deep, give_up, counting))
    return Outcome(found, exit_code=1 if found.problems else 0)


@human.register(Diagnosis)
def _diagnosis(found: Diagnosis, screen: Screen) -> str:
    if screen.terminal:
        lines = [table(("", "check", "what"), [_row(one) for one in found.findings], screen)]
    else:
        lines = [line for one in found.findings for line in _finding(one, screen.width)]
    if found.problems:
        end = f"{plural(found.problems, 'problem')} in {found.repository}."
    else:
        end = f"Nothing is wrong in {found.repository}."
    return "\n".join([*lines, "", bold(end)])


def _mark(one: Finding) -> str:
    return "✓" if one.fixed else {"ok": "✓", "note": "·", "problem": "✗"}[one.status]


def _row(one: Finding) -> tuple[str, ...]:
    mark = red(_mark(one)) if one.status == "problem" and not one.fixed else green(_mark(one))
    told = one.message + (" (mended)" if one.fixed else "")
    return mark, one.check, told if one.fixed or not one.hint else f"{told}\n{one.hint}"


def _finding(one: Finding, width: int) -> list[str]:
    first, *rest = wrap(one.message + (" (mended)" if one.fixed else ""), width - 16)
    lines = [f"{_mark(one)} {one.check.ljust(12)} {first}"]
    lines += [f"{'':15}{line}" for line in rest]
    if one.hint and not one.fixed:
        lines += [f"{'':15}{dim(line)}" for line in wrap(one.hint, width - 16)]
    return lines


@command("runtimes", "thrum doctor runtimes", "thrum doctor runtimes claude", returns=Checked)
@click.argument("name", required=False)
@pass_app
def check(app: App, name: str | None) -> Outcome:
    """Check the clients that are set up here, or one.

    Looks at files only, and starts nothing. Exits with 1 when something is wrong.
    """
    found = checking.check(app.paths, name)
    return Outcome(found, 0 if found.healthy else 1)


@human.register(Checked)
def _checked(found: Checked, screen: Screen) -> str:
    del screen
    if not found.runtimes:
        return "No client is set up here. Try: thrum init --runtime auto"
    return "\n".join(_check(one) for one in found.runtimes)


def _check(one: RuntimeCheck) -> str:
    lines = [f"{one.runtime}: files {one.files}, starts {one.command}"]
    if one.step:
        lines.append(f"  your step, {one.user_step}: {one.step}")
    return "\n".join([*lines, *(f"  ! {problem}" for problem in one.problems)])


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
def _woken(found: WakeCheck, screen: Screen) -> str:
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
