"""doctor: what is wrong, why, and what mends it; whether the clients are set up, and whether mail wakes an agent."""

from __future__ import annotations

from typing import Any

import click

from thrum_store.service.doctor import Diagnosis, examine
from thrum_store.service.findings import Finding

from ..app import App
from ..command import Entry, group, pass_app
from ..output import Outcome, Screen, debug, human
from ..text import bold, dim, plural, wrap

_STEP = 50_000  # events between two lines of progress


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
    "thrum doctor runtimes",
    "thrum doctor wake --agent builder",
    invoke_without_command=True,
    returns=Diagnosis,
)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely.")
@click.pass_context
@pass_app
def doctor(app: App, context: click.Context, fix: bool) -> Any:
    """Check the set-up, the logs and the view, and say what mends what is wrong.

    Every line of every log is read. Exit code 1: a problem is left.
    """
    if context.invoked_subcommand is not None:
        return None
    found = examine(app.repo, fix=fix, progress=None if app.quiet else Counting())
    return Outcome(found, exit_code=1 if found.problems else 0)


class Counting:
    """Says now and then how far a long check is."""

    def __init__(self) -> None:
        self._next = _STEP

    def __call__(self, count: int) -> None:
        """Called with how many events were read so far."""
        if count >= self._next:
            debug(f"{count:,} events so far")
            self._next = count + _STEP


@human.register(Diagnosis)
def _diagnosis(found: Diagnosis, screen: Screen) -> str:
    lines = [line for one in found.findings for line in _finding(one, screen.width)]
    if found.problems:
        end = f"{plural(found.problems, 'problem')} in {found.repository}."
    else:
        end = f"Nothing is wrong in {found.repository}."
    return "\n".join([*lines, "", bold(end)])


def _finding(one: Finding, width: int) -> list[str]:
    mark = {"ok": "✓", "note": "·", "problem": "✗"}[one.status]
    first, *rest = wrap(one.message, width - 16)
    lines = [f"{'✓' if one.fixed else mark} {one.check.ljust(12)} {first}{' (mended)' if one.fixed else ''}"]
    lines += [f"{'':15}{line}" for line in rest]
    if one.hint and not one.fixed:
        lines += [f"{'':15}{dim(line)}" for line in wrap(one.hint, width - 16)]
    return lines
