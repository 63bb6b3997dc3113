"""doctor: find problems and repair them; check the clients, and whether mail wakes an agent."""

from __future__ import annotations

from thrum_cli.clients import check as checking
from thrum_cli.clients.check import Checked, RuntimeCheck
from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.hooks.wake_check import WakeCheck, wake_check
from thrum_cli.terminal.output import Outcome, Screen, human, table
from thrum_cli.terminal.progress import Counting
from thrum_cli.terminal.text import bold, dim, green, plural, red, wrap
from thrum_store import times
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.doctor import Diagnosis, examine
from thrum_store.service.upkeep.findings import Finding


def _doctor(app: App, fix: bool, deep: bool, give_up: bool) -> Outcome:
    """Check everything; see the help of the group."""
    with Counting(quiet=app.quiet) as counting:
        found = examine(app.repo, Examine(fix, deep, give_up, counting))
    return Outcome(found, exit_code=1 if found.problems else 0)


@command(
    "runtimes",
    "thrum doctor runtimes",
    "thrum doctor runtimes claude",
    returns=Checked,
    options=(Argument("name", required=False),),
)
def check(app: App, name: str | None) -> Outcome:
    """Check the clients that are set up here, or one.

    Looks at files only, and starts nothing. Exits with 1 when something is wrong.
    """
    found = checking.check(app.paths, name)
    return Outcome(found, 0 if found.healthy else 1)


@command(
    "wake",
    "thrum doctor wake",
    "thrum doctor wake --agent builder --timeout 5m --json",
    returns=WakeCheck,
    options=(
        Option("--agent", "Which agent (default: the one of this worktree).", "NAME"),
        Option("--timeout", "How long to wait for the answer (default 60s).", "DURATION", default="60s"),
    ),
)
def wake(app: App, agent: str | None, timeout: str) -> Outcome:
    """See whether mail reaches an agent, by which way, and how fast.

    Sends it a message that asks for a nonce, and waits for the answer. Exits with 1 when the message did not reach it.
    """
    found = wake_check(app.paths, app.caller, agent or app.caller.name, times.seconds(timeout, "timeout"))
    return Outcome(found, 0 if found.reached else 1)


doctor = Group(
    "doctor",
    """Find problems in the setup and repair them.

    Logs of more than 1 MB in total are checked by their headers and lengths, unless you add --deep. With --fix, the
    published part of a damaged log is restored from the branch a-sync. Exit code 1: a problem is left.
    """,
    commands(check, wake),
    (
        "thrum doctor",
        "thrum doctor --fix",
        "thrum doctor --deep",
        "thrum doctor runtimes",
        "thrum doctor wake --agent builder",
    ),
    function=_doctor,
    options=(
        Option("--fix", "Repair what can be repaired safely."),
        Option("--deep", "Read every line of large logs, and all of the view."),
        Option("--give-up", "Repair, and end logs whose missing part is lost, so that their agents can continue."),
    ),
    returns=Diagnosis,
)


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


@human.register(Checked)
def _checked(found: Checked) -> str:
    if not found.runtimes:
        return "No client is set up here. Try: thrum init --runtime auto"
    return "\n".join(_check(one) for one in found.runtimes)


def _check(one: RuntimeCheck) -> str:
    lines = [f"{one.runtime}: files {one.files}, starts {one.command}"]
    if one.step:
        lines.append(f"  your step, {one.user_step}: {one.step}")
    return "\n".join([*lines, *(f"  ! {problem}" for problem in one.problems)])


_WAYS = {
    "listen": "its listener woke it",
    "monitor": "the monitor of its plugin woke it",
    "prompt": "with a prompt of its user",
    "post-tool": "after a tool call",
    "stop": "when it was about to stop",
    "session-start": "at the start of its session",
}


@human.register(WakeCheck)
def _woken(found: WakeCheck) -> str:
    if not found.reached:
        rest = "was taken back" if found.withdrawn else f"waits for it ({found.message_id})"
        return f"@{found.agent} was not reached in time; the message {rest}."
    lines = [
        ("shown to it", found.shown_seconds, f", {_WAYS.get(found.shown_by, found.shown_by)}"),
        ("taken by it", found.read_seconds, ""),
        ("answered", found.answered_seconds, ""),
    ]
    told = [f"  {what} after {seconds} s{how}" for what, seconds, how in lines if seconds is not None]
    return "\n".join([f"@{found.agent} was reached by {found.channel or 'another way'}:", *told])
