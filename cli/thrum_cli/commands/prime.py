"""prime: the briefing an agent needs to start or to go on."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago, bold, dim, fields, green, plural, shorten
from thrum_mcp.daemon.process import lease
from thrum_store.errors import NoIdentity
from thrum_store.machine.host import REAL
from thrum_store.service.team import briefing
from thrum_store.service.team.briefing import Excerpt, Prime

from ._shared.orientation import loop_rows, who_rows

_COMMANDS = (
    ("thrum inbox --unread", "what you have not read"),
    ('thrum reply MSG_ID "TEXT"', "answer, to all who got it"),
    ('thrum send "TEXT" --to @NAME', "say something; @ROLE, @GROUP, @everyone"),
    ("thrum wait --timeout 5m", "block until a message comes (exit 1: none)"),
    ("thrum message read --all", "mark everything as read"),
    ("thrum team", "who is here and what they do"),
    ("thrum who-has FILE", "who is editing it"),
    ("thrum session heartbeat", "tell the others your branch and files"),
    ('thrum session set-intent "TEXT"', "tell them what you do"),
    ("thrum context save --file FILE", "keep notes for after a compaction"),
    ("thrum session end", "when you are done"),
)


_LISTENING = """\
  Before you idle, and while others work: run `thrum wait --timeout 8m --after -30s` in the background.
  Exit 0: `thrum inbox --unread`, answer, `thrum message read --all`. Exit 0 or 1: wait again.
  Hooks of thrum, where they are set up, do this for you: `thrum doctor wake`."""


@command("prime", "thrum prime", "thrum prime --json")
def prime(app: App) -> Prime:
    """Print everything an agent needs to start or continue.

    Identity, session, team, unread messages, branch, daemon, saved context, the commands and how to listen, in bounded
    size.
    """
    store, running = app.store, lease.is_held(app.paths, REAL)
    try:
        caller = app.caller
    except NoIdentity as error:
        return briefing.prime(store, None, f"{error.message}; {error.hint}", running=running)
    return briefing.prime(store, caller, running=running)


@human.register(Prime)
def _prime(told: Prime, screen: Screen) -> str:
    loop = fields(loop_rows(told.sync_state, screen.now_ms))
    parts = [_identity(told, screen), _team(told, screen), _messages(told, screen), _git(told), loop]
    parts.append(_notes(told, screen))
    width = max(len(name) for name, _ in _COMMANDS)
    commands = "\n".join(f"  {name.ljust(width)}  {dim(what)}" for name, what in _COMMANDS)
    parts += [f"{bold('Commands')}\n{commands}", f"{bold('Listening')}\n{_LISTENING}"]
    return "\n\n".join(part for part in parts if part)


def _identity(told: Prime, screen: Screen) -> str:
    if told.identity is None:
        return f"{bold('You')}\n  {told.problem}"
    rows = who_rows(told.identity, screen.now_ms)
    if told.session is not None:
        rows += [("Intent", told.session.intent), ("Task", told.session.current_task)]
    return card("You", rows, screen)


def _team(told: Prime, screen: Screen) -> str:
    company = told.agents
    if not company.list:
        return f"{bold('Team')}: nobody else is registered."
    rows = [
        (
            green("●") if one.status == "active" else "○",
            f"@{one.address}",
            one.role,
            one.module,
            one.branch,
            one.intent,
        )
        for one in company.list
    ]
    lines = table(("", "agent", "role", "module", "branch", "intent"), rows, screen)
    return f"{bold('Team')}: {company.active} active of {company.total}\n{lines}"


def _messages(told: Prime, screen: Screen) -> str:
    mail = told.messages
    if mail is None:
        return ""
    if not mail.total:
        return f"{bold('Inbox')}: empty"
    state = f"{mail.unread} unread of {mail.total}" if mail.unread else f"{plural(mail.total, 'message')}, all read"
    return "\n".join([f"{bold('Inbox')}: {state}", *(_excerpt(excerpt, screen) for excerpt in mail.recent)])


def _excerpt(excerpt: Excerpt, screen: Screen) -> str:
    header = excerpt.header
    mark = "○" if excerpt.is_read else "●"
    head = f"  {mark} @{header.author} {dim(ago(header.sent_at, screen.now_ms))} {dim(header.id)}"
    return f"{head}\n    {shorten(excerpt.content, 300)}"


def _git(told: Prime) -> str:
    here = told.work_context
    if here.error:
        return f"{bold('Git')}: {here.error}"
    ahead = f"{plural(here.unmerged_commits, 'commit')} not in {here.base}" if here.unmerged_commits else ""
    left = plural(len(here.uncommitted_files) + here.more_files, "uncommitted file") if here.uncommitted_files else ""
    branch = here.branch if told.identity is None else ""  # else it stands above
    state = ", ".join(part for part in (branch, ahead, left) if part) or "nothing to commit"
    lines = [f"{bold('Git')}: {state}"]
    lines += [f"  {path}" for path in here.uncommitted_files]
    lines += [dim(f"  and {here.more_files} more")] if here.more_files else []
    return "\n".join(lines)


def _notes(told: Prime, screen: Screen) -> str:
    kept = told.context
    if kept is None or not (kept.content or kept.preamble):
        return f"{bold('Saved context')}: none" if told.identity else ""
    when = f" ({ago(kept.updated_at, screen.now_ms)}; all of it: thrum context show)" if kept.updated_at else ""
    texts = [text.strip("\n") for text in (kept.preamble, kept.content) if text]
    return "\n\n".join([f"{bold('Saved context')}{when}", *texts])
