"""status, overview, prime: where am I, who is here, what waits for me."""

from __future__ import annotations

from thrum_cli.app import App
from thrum_cli.command import command, pass_app
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Screen, human
from thrum_cli.terminal.text import ago, bold, cut, dim, fields, green, plural
from thrum_mcp.daemon.process import control, file_names
from thrum_store.errors import NoIdentity
from thrum_store.machine.host import REAL
from thrum_store.service import overview as overviews
from thrum_store.service.overview import Counted, Excerpt, Overview, Prime, Status
from thrum_store.service.team.agents import WhoAmI
from thrum_store.service.team.work import WorkContext
from thrum_store.service.upkeep.condition import Health, SyncState

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


@command("status", "thrum status", "thrum status --json")
@pass_app
def status(app: App) -> Status:
    """Show who you are, your session, your work and your inbox."""
    return overviews.status(app.store, app.caller, port=_port(app, running=control.is_held(app.paths, REAL)))


@command("overview", "thrum overview", "thrum overview --json")
@pass_app
def overview(app: App) -> Overview:
    """Show everything at once: you, the team, your inbox, the sync."""
    running = control.is_held(app.paths, REAL)
    return overviews.overview(app.store, app.caller, running=running, port=_port(app, running=running))


@command("prime", "thrum prime", "thrum prime --json")
@pass_app
def prime(app: App) -> Prime:
    """Tell an agent all it needs to start, or to go on after its memory was compacted.

    Identity, session, team, unread messages, branch, daemon, saved context, the commands and how to listen, in bounded
    size.
    """
    store, running = app.store, control.is_held(app.paths, REAL)
    try:
        caller = app.caller
    except NoIdentity as error:
        return overviews.prime(store, None, f"{error.message}; {error.hint}", running=running)
    return overviews.prime(store, caller, running=running)


def _port(app: App, *, running: bool) -> int | None:
    return file_names.port_in_use(app.paths, REAL) if running else None


def _who(who: WhoAmI, now_ms: int) -> list[tuple[str, str | None]]:
    session = f"{who.session_id} (started {ago(who.session_start, now_ms)})" if who.session_id else None
    name = f"@{who.agent_id}" + (f" ({who.display})" if who.display else "")
    return [
        ("Agent", name if who.registered else f"{name} (not registered: thrum quickstart)"),
        ("Role", " in ".join(part for part in (who.role and f"@{who.role}", who.module) if part)),
        ("Session", session or "none (thrum session start)"),
        ("Branch", who.branch),
        ("Worktree", who.worktree),
    ]


def _work(work: WorkContext | None) -> list[tuple[str, str | None]]:
    if work is None:
        return []
    told = work.git_updated_at is not None
    files = f"{len(work.changed_files)} changed, {len(work.uncommitted_files)} uncommitted" if told else None
    ahead = plural(len(work.unmerged_commits), "unmerged commit") if told else None
    return [("Intent", work.intent), ("Task", work.current_task), ("Commits", ahead), ("Files", files)]


def _mail(inbox: Counted) -> str:
    return f"{inbox.unread} unread of {plural(inbox.total, 'message')}" if inbox.total else "empty"


def _health(health: Health) -> list[tuple[str, str | None]]:
    return [("Health", "; ".join(health.frozen) + " (thrum doctor)")] if health.frozen else []


def _loop(told: SyncState, now_ms: int) -> list[tuple[str, str | None]]:
    """The daemon and the sync, a line each."""
    return [("Daemon", told.daemon_status), ("Sync", _sync(told, now_ms))]


def _sync(told: SyncState, now_ms: int) -> str:
    if told.error is not None:
        return f"{told.error} (thrum sync status)"
    if told.local_only:
        return "local-only: nothing leaves this machine"
    last = f"last {ago(told.last_sync_at, now_ms)}" if told.last_sync_at else "never yet"
    return last if told.daemon_status == "running" else f"{last}; by itself with thrum daemon start"


@human.register(Status)
def _status(now: Status, screen: Screen) -> str:
    kept = now.context
    notes = f"{kept.size:,} bytes, saved {ago(kept.updated_at, screen.now_ms)}" if kept.has_context else None
    below: list[tuple[str, str | None]] = [
        ("Context", notes),
        ("Inbox", _mail(now.inbox)),
        ("Agents", f"{now.agents.active} active of {now.agents.total}"),
        ("Store", now.store),
    ]
    told = [*_who(now.agent, screen.now_ms), *_work(now.work_context), *below, *_health(now.health)]
    return card("Status", told, screen)


@human.register(Overview)
def _overview(now: Overview, screen: Screen) -> str:
    told = [
        *_who(now.agent, screen.now_ms), *_work(now.work_context), ("Inbox", _mail(now.inbox)),
        *_loop(now.sync, screen.now_ms),
    ]  # fmt: skip
    mine = card("You", told, screen)
    head = ("", "agent", "role", "branch", "unread", "seen", "intent")
    rows = [
        (green("●"), f"@{one.agent_id}", one.role, one.branch, str(one.inbox_unread or ""),
         ago(one.last_seen, screen.now_ms), one.intent)
        for one in now.team
    ]  # fmt: skip
    hidden = f" ({now.offline} offline: thrum team --all)" if now.offline else ""
    team = table(head, rows, screen) if rows else f"Nobody else is active{hidden}."
    return "\n\n".join([mine, team, *([fields(_health(now.health))] if now.health.frozen else [])])


# --- the briefing ---------------------------------------------------------------------------------------------------


@human.register(Prime)
def _prime(told: Prime, screen: Screen) -> str:
    loop = fields(_loop(told.sync_state, screen.now_ms))
    parts = [_identity(told, screen), _team(told, screen), _messages(told, screen), _git(told), loop]
    parts.append(_notes(told, screen))
    width = max(len(name) for name, _ in _COMMANDS)
    commands = "\n".join(f"  {name.ljust(width)}  {dim(what)}" for name, what in _COMMANDS)
    parts += [f"{bold('Commands')}\n{commands}", f"{bold('Listening')}\n{_LISTENING}"]
    return "\n\n".join(part for part in parts if part)


def _identity(told: Prime, screen: Screen) -> str:
    if told.identity is None:
        return f"{bold('You')}\n  {told.problem}"
    rows = _who(told.identity, screen.now_ms)
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
            f"@{one.agent_id}",
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
    return "\n".join([f"{bold('Inbox')}: {state}", *(_excerpt(one, screen) for one in mail.recent)])


def _excerpt(one: Excerpt, screen: Screen) -> str:
    mark = "○" if one.is_read else "●"
    head = f"  {mark} @{one.agent_id} {dim(ago(one.created_at, screen.now_ms))} {dim(one.message_id)}"
    return f"{head}\n    {cut(one.content, 300)}"


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
