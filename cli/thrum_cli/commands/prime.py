"""prime: the briefing an agent needs to start or continue."""

from __future__ import annotations

from thrum_cli.command import App, command
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Screen, ago, bold, dim, fields, green, human, shorten
from thrum_mcp.daemon.process import lease
from thrum_store.errors import NoIdentity
from thrum_store.machine.host import REAL
from thrum_store.service.team import briefing
from thrum_store.service.team.briefing import Excerpt, Prime
from thrum_store.values import plural

from ._shared.orientation import identity_rows, sync_rows

_COMMANDS = (
    ("thrum inbox --unread", "list your unread messages"),
    ('thrum reply MSG_ID "TEXT"', "answer everybody who received the message"),
    ('thrum send "TEXT" --to @NAME', "send a message; also to @ROLE, @GROUP, @everyone"),
    ("thrum wait --timeout 5m", "block until a message arrives (exit 1: none)"),
    ("thrum message read --all", "mark everything as read"),
    ("thrum team", "show the active agents and their work"),
    ("thrum who-has FILE", "show who is editing a file"),
    ("thrum session heartbeat", "tell the others your branch and files"),
    ('thrum session set-intent "TEXT"', "tell the others what you are doing"),
    ("thrum context save --file FILE", "save notes for after a compaction"),
    ("thrum session end", "end your session when you are done"),
)
_LISTENING = """\
  Before you idle, and while others work: run `thrum wait --timeout 8m` in the background.
  Exit 0: `thrum inbox --unread`, answer, `thrum message read --all`. Exit 0 or 1: wait again.
  If thrum's hooks are set up, they do this for you: `thrum doctor wake`."""


@command("prime", "thrum prime", "thrum prime --json")
def prime(app: App) -> Prime:
    """Print everything an agent needs to start or continue.

    Run it at the start, and after a compaction. It shows identity, session, team, unread messages, branch, daemon,
    saved notes, the commands, and how to listen. Long lists and texts are shortened.
    """
    store, running = app.store, lease.is_held(app.paths, REAL)
    try:
        caller = app.caller
    except NoIdentity as error:
        return briefing.prime(store, None, f"{error.message}; {error.hint}", running=running)
    return briefing.prime(store, caller, running=running)


@human.register(Prime)
def _prime(briefing: Prime, screen: Screen) -> str:
    width = max(len(line) for line, _ in _COMMANDS)
    commands = "\n".join(f"  {line.ljust(width)}  {dim(purpose)}" for line, purpose in _COMMANDS)
    parts = (
        _identity(briefing, screen),
        _team(briefing, screen),
        _messages(briefing, screen),
        _git(briefing),
        fields(sync_rows(briefing.sync_state, screen.now_ms)),
        _notes(briefing, screen),
        f"{bold('Commands')}\n{commands}",
        f"{bold('Listening')}\n{_LISTENING}",
    )
    return "\n\n".join(part for part in parts if part)


def _identity(briefing: Prime, screen: Screen) -> str:
    if briefing.identity is None:
        return f"{bold('You')}\n  {briefing.problem}"
    rows = identity_rows(briefing.identity, screen.now_ms)
    if briefing.session is not None:
        rows += [("Intent", briefing.session.intent), ("Task", briefing.session.current_task)]
    return card("You", rows, screen)


def _team(briefing: Prime, screen: Screen) -> str:
    team = briefing.agents
    if not team.list:
        return f"{bold('Team')}: nobody else is registered."
    marks = {"active": green("●")}
    rows = [
        (marks.get(agent.status, "○"), f"@{agent.address}", agent.role, agent.module, agent.branch, agent.intent)
        for agent in team.list
    ]
    lines = table(("", "agent", "role", "module", "branch", "intent"), rows, screen)
    return f"{bold('Team')}: {plural(team.total, 'agent')} ({team.active} active)\n{lines}"


def _messages(briefing: Prime, screen: Screen) -> str:
    mail = briefing.messages
    if mail is None:
        return ""
    if not mail.total:
        return f"{bold('Inbox')}: empty"
    state = (
        f"{mail.unread} unread ({mail.total} total)" if mail.unread else f"{plural(mail.total, 'message')} (all read)"
    )
    return "\n".join([f"{bold('Inbox')}: {state}", *(_excerpt(message, screen) for message in mail.recent)])


def _excerpt(message: Excerpt, screen: Screen) -> str:
    header = message.header
    mark = "○" if message.is_read else "●"
    head = f"  {mark} @{header.author} {dim(ago(header.sent_at, screen.now_ms))} {dim(header.id)}"
    return f"{head}\n    {shorten(message.content, 300)}"


def _git(briefing: Prime) -> str:
    work = briefing.work_context
    if work.error:
        return f"{bold('Git')}: {work.error}"
    ahead = f"{plural(work.unmerged_commits, 'commit')} not in {work.base}" if work.unmerged_commits else ""
    count = len(work.uncommitted_files) + work.more_files
    uncommitted = plural(count, "uncommitted file") if work.uncommitted_files else ""
    branch = work.branch if briefing.identity is None else ""  # else it stands above
    state = ", ".join(part for part in (branch, ahead, uncommitted) if part) or "nothing to commit"
    more = [dim(f"  and {work.more_files} more")] if work.more_files else []
    return "\n".join([f"{bold('Git')}: {state}", *(f"  {path}" for path in work.uncommitted_files), *more])


def _notes(briefing: Prime, screen: Screen) -> str:
    saved = briefing.context
    if saved is None or not (saved.content or saved.preamble):
        return f"{bold('Saved context')}: none" if briefing.identity else ""
    when = f" ({ago(saved.updated_at, screen.now_ms)}; all of it: thrum context show)" if saved.updated_at else ""
    texts = [text.strip("\n") for text in (saved.preamble, saved.content) if text]
    return "\n\n".join([f"{bold('Saved context')}{when}", *texts])
