"""inbox: what lies there, newest first. Looking marks nothing."""

from __future__ import annotations

from thrum_cli.command import PAGE, App, Option, command
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, beyond, bold, dim, flow, listing, summary, wrap
from thrum_store.service.messages import inbox as service
from thrum_store.service.messages.inbox import Inbox, InboxMessage, ReadInbox

_LINES = 12  # of one message


@command(
    "inbox",
    "thrum inbox --unread",
    "thrum inbox --scope module:auth --page 2",
    "thrum inbox --all",
    returns=Inbox,
    options=(
        Option("--scope", "Only messages with this scope.", "TYPE:VALUE"),
        Option("--mentions", "Only messages that name you or your role."),
        Option("--unread", "Only unread messages."),
        Option("--all -a", "The messages of everybody, not only yours.", name="everything"),
        *PAGE,
    ),
)
def inbox(
    app: App,
    scope: str | None,
    mentions: bool,
    unread: bool,
    everything: bool,
    page_size: int,
    page: int,
) -> Outcome:
    """List the messages in your inbox.

    The newest come first. Looking marks nothing as read: `thrum message read` does, and `thrum reply`.
    """
    request = ReadInbox(scope, mentions, unread, everything, page_size, page)
    found = service.inbox(app.store, app.caller, request)
    return Outcome(found, note="" if found.messages else _empty(found, request))


def _empty(found: Inbox, request: ReadInbox) -> str:
    if found.total:
        return beyond(found.page, found.total, found.total_pages)
    if request.scope or request.mentions:
        return f"Nothing for @{found.agent_id} fits. `thrum inbox` shows everything you got."
    if request.unread:
        return f"Nothing unread for @{found.agent_id}. `thrum wait` blocks until something comes."
    if request.everything:
        return 'Nobody has said anything yet. Begin: `thrum send "Hello"`'
    return f"Nothing for @{found.agent_id} yet. `thrum inbox --all` shows what others say; `thrum wait` waits for mail."


@human.register(Inbox)
def _inbox(found: Inbox, screen: Screen) -> str:
    if not found.messages:
        return ""
    blocks = [_block(one, screen) for one in found.messages]
    page = summary(found.page, found.page_size, len(found.messages), found.total)
    return "\n\n".join([*blocks, dim(f"{page}, {found.unread} unread. Answer: thrum reply MSG_ID TEXT")])


def _block(one: InboxMessage, screen: Screen) -> str:
    to = listing([pair.value for pair in one.audiences], 3)
    mark = "○" if one.is_read else "●"
    head = f"{mark} {bold('@' + one.agent_id)} to {to}  {dim(ago(one.created_at, screen.now_ms))}"
    told = [one.message_id, *(f"{pair.type}:{pair.value}" for pair in one.scopes)]
    told += [f"reply to {one.reply_to}"] if one.reply_to else []
    told += [f"edited {ago(one.updated_at, screen.now_ms)}"] if one.updated_at else []
    lines = wrap(one.body.content, screen.width - 4)
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = [dim(f"… {len(lines) - _LINES + 1} more lines: thrum message get {one.message_id}")]
    under = [dim(line) for line in flow(told, screen.width - 2)]
    return "\n".join([head, *(f"  {line}" for line in under), *(f"    {line}".rstrip() for line in lines)])
