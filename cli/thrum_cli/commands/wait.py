"""wait: block until a message arrives. It marks nothing as read."""

from __future__ import annotations

from thrum_cli.command import App, Option, command
from thrum_cli.terminal.output import Outcome, Screen, ago, human, lasting, remark
from thrum_store import values
from thrum_store.errors import Invalid
from thrum_store.service.messages import waiting
from thrum_store.service.messages.waiting import WaitEnded, WaitFor
from thrum_store.values import plural

TIMED_OUT = 1
FAILED = 2


@command(
    "wait",
    "thrum wait --timeout 5m && thrum inbox --unread",
    "thrum wait --after -30s",
    "thrum wait --scope module:auth --timeout 1h",
    error_code=FAILED,
    returns=WaitEnded,
    options=(
        Option("--timeout", "How long to wait, like 90s, 5m or 1h30m (default 30s).", "DURATION", default="30s"),
        Option("--scope", "Wait for any message with this scope, whoever receives it.", "TYPE:VALUE"),
        Option("--mention", "Wait for any message that mentions this agent or role.", "@NAME", complete="addresses"),
        Option(
            "--after",
            "-30s: include messages of the last 30 s, read or not. +60s: ignore those of the next 60 s.",
            "OFFSET",
        ),
        Option("--new", "Wait for a message that arrives from now on, whatever is unread."),
    ),
)
def wait(app: App, timeout: str, scope: str | None, mention: str | None, after: str | None, new: bool) -> Outcome:
    """Block until a message arrives.

    Unread messages that no earlier wait of your session reported end it at once. Exits with 0 if a message arrived, 1
    after the time-out, 2 on an error. It marks nothing as read.
    """
    limit = values.seconds(timeout, "timeout")
    if limit < 0:
        raise Invalid(f"{timeout!r} is not a length of time", hint="write it like 30s or 5m")
    offset = values.seconds(after, "offset") if after is not None else None
    ended = waiting.wait(app.paths, app.caller, WaitFor(limit, scope, mention, offset, pending=not new))
    if not (ended.messages or app.json or app.quiet):
        remark(f"NO_MESSAGES_TIMEOUT: no message within {lasting(int(ended.waited_seconds * 1000))}.")
    return Outcome(ended, 0 if ended.messages else TIMED_OUT)


@human.register(WaitEnded)
def _ended(ended: WaitEnded, screen: Screen) -> str:
    if not ended.messages:
        return ""
    waited = lasting(int(ended.waited_seconds * 1000)) if ended.waited_seconds >= 1 else ""
    headers = [message.header for message in ended.messages]
    lines = [f"  {header.id}  @{header.author}  {ago(header.sent_at, screen.now_ms)}" for header in headers]
    after = f" after {waited}" if waited else ""
    return "\n".join(
        ["MESSAGES_RECEIVED", f"{plural(len(lines), 'message')}{after}:", *lines]
        + (["Read: thrum inbox --unread"] if screen.hints else [])
    )
