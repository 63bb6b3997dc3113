"""doctor: find problems and repair them, check the clients, and test if messages wake an agent."""

from __future__ import annotations

from thrum_cli.clients import check as checking
from thrum_cli.clients.check import Checked, RuntimeCheck
from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.hooks.wake_check import WakeCheck, wake_check
from thrum_cli.terminal.layout import table
from thrum_cli.terminal.output import Outcome, Screen, bold, dim, green, human, red, wrap
from thrum_cli.terminal.progress import Counting
from thrum_store import values
from thrum_store.service.upkeep.check_logs import Examine
from thrum_store.service.upkeep.doctor import Diagnosis, examine
from thrum_store.service.upkeep.findings import Finding
from thrum_store.values import plural


def _doctor(app: App, fix: bool, deep: bool, give_up: bool) -> Outcome:
    """Check everything."""
    with Counting(quiet=app.quiet) as counting:
        result = examine(app.repo, Examine(fix, deep, give_up, counting))
    return Outcome(result, exit_code=1 if result.problems else 0)


@command(
    "runtimes",
    "thrum doctor runtimes",
    "thrum doctor runtimes claude",
    returns=Checked,
    options=(Argument("name", required=False),),
)
def check(app: App, name: str | None) -> Outcome:
    """Check the clients that are set up here, or one of them.

    It starts no client. It starts the commands in their files, as a client from the desktop would. It exits with 1 if
    there is a problem.
    """
    result = checking.check(app.paths, name)
    return Outcome(result, 0 if result.healthy else 1)


@command(
    "wake",
    "thrum doctor wake",
    "thrum doctor wake --agent builder --timeout 5m --json",
    returns=WakeCheck,
    options=(
        Option("--agent", "The agent to test (default: that of this worktree).", "NAME"),
        Option("--timeout", "How long to wait for the answer (default 60s).", "DURATION", default="60s"),
    ),
)
def wake(app: App, agent: str | None, timeout: str) -> Outcome:
    """Test if messages reach an agent, and how fast.

    It sends the agent a message that asks for a nonce, waits for the answer, and shows how the message arrived. It
    exits with 1 if the message did not reach the agent.
    """
    result = wake_check(app.paths, app.caller, agent or app.caller.name, values.seconds(timeout, "timeout"))
    return Outcome(result, 0 if result.reached else 1)


doctor = Group(
    "doctor",
    """Find problems in the setup and repair them.

    Logs of more than 1 MB in total are checked by their headers and lengths, unless you add --deep. With --fix, the
    published part of a damaged log is restored from the branch a-sync. Exits with 1 if a problem is left.
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
def _diagnosis(result: Diagnosis, screen: Screen) -> str:
    if screen.terminal:
        lines = [table(("", "check", "result"), [_row(finding) for finding in result.findings], screen)]
    else:
        lines = [line for finding in result.findings for line in _finding(finding, screen.width)]
    if result.problems:
        end = f"{plural(result.problems, 'problem')} in {result.repository}."
    else:
        end = f"No problems in {result.repository}."
    return "\n".join([*lines, "", bold(end)])


def _mark(finding: Finding) -> str:
    return "✓" if finding.fixed else {"ok": "✓", "note": "·", "problem": "✗"}[finding.status]


def _row(finding: Finding) -> tuple[str, ...]:
    mark = red(_mark(finding)) if finding.status == "problem" and not finding.fixed else green(_mark(finding))
    text = finding.message + (" (repaired)" if finding.fixed else "")
    return mark, finding.check, text if finding.fixed or not finding.hint else f"{text}\n{finding.hint}"


def _finding(finding: Finding, width: int) -> list[str]:
    first, *rest = wrap(finding.message + (" (repaired)" if finding.fixed else ""), width - 16)
    lines = [f"{_mark(finding)} {finding.check.ljust(12)} {first}"]
    lines += [f"{'':15}{line}" for line in rest]
    if finding.hint and not finding.fixed:
        lines += [f"{'':15}{dim(line)}" for line in wrap(finding.hint, width - 16)]
    return lines


@human.register(Checked)
def _checked(result: Checked) -> str:
    if not result.runtimes:
        return "No client is set up here. Try: thrum init --runtime auto"
    return "\n".join(_check(check) for check in result.runtimes)


def _check(check: RuntimeCheck) -> str:
    lines = [f"{check.runtime}: files {check.files}, starts {check.command}"]
    if check.step:
        lines.append(f"  your step, {check.user_step}: {check.step}")
    return "\n".join([*lines, *(f"  ! {problem}" for problem in check.problems)])


_CHANNELS = {
    "listen": "its listener woke it",
    "monitor": "the monitor of its plugin woke it",
    "prompt": "with a prompt of its user",
    "post-tool": "after a tool call",
    "stop": "when it was about to stop",
    "session-start": "at the start of its session",
}


@human.register(WakeCheck)
def _woken(result: WakeCheck) -> str:
    if not result.reached:
        rest = "was withdrawn" if result.withdrawn else f"is waiting for it ({result.message})"
        return f"@{result.agent} was not reached in time; the message {rest}."
    lines = [
        ("shown", result.shown_seconds, f", {_CHANNELS.get(result.shown_by, result.shown_by)}"),
        ("read", result.read_seconds, ""),
        ("answered", result.answered_seconds, ""),
    ]
    times = [f"  {step} after {seconds} s{channel}" for step, seconds, channel in lines if seconds is not None]
    return "\n".join([f"@{result.agent} was reached by {result.channel or 'another channel'}:", *times])
