"""doctor: what is wrong, why, and what mends it; whether the clients are set up, and whether mail wakes an agent."""

from __future__ import annotations

from typing import Any

import click

from thrum_cli.app import App
from thrum_cli.command import Entry, group, pass_app
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.progress import Counting
from thrum_cli.terminal.text import bold, dim, green, plural, red, wrap
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.doctor import Diagnosis, examine
from thrum_store.service.upkeep.findings import Finding

_SECTIONS = {
    "Commands": {
        "runtimes": Entry("commands.runtimes:check", "Check the clients that are set up here."),
        "wake": Entry("commands.wake:wake", "See whether mail reaches an agent, by which way, and how fast."),
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
