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
    result = service.inbox(app.store, app.caller, request)
    return Outcome(result, note="" if result.messages else _empty(result, request))


def _empty(page: Inbox, request: ReadInbox) -> str:
    if page.total:
        return beyond(page.page, page.total, page.total_pages)
    if request.scope or request.mentions:
        return f"Nothing for @{page.address} fits. `thrum inbox` shows everything you got."
    if request.unread:
        return f"Nothing unread for @{page.address}. `thrum wait` blocks until something comes."
    if request.everything:
        return 'Nobody has said anything yet. Begin: `thrum send "Hello"`'
    return f"Nothing for @{page.address} yet. `thrum inbox --all` shows what others say; `thrum wait` waits for mail."


@human.register(Inbox)
def _inbox(page: Inbox, screen: Screen) -> str:
    if not page.messages:
        return ""
    blocks = [_block(message, screen) for message in page.messages]
    footer = summary(page.page, page.page_size, len(page.messages), page.total)
    return "\n\n".join([*blocks, dim(f"{footer}, {page.unread} unread. Answer: thrum reply MSG_ID TEXT")])


def _block(message: InboxMessage, screen: Screen) -> str:
    header = message.header
    to = listing([address.value for address in header.to], 3)
    mark = "○" if message.is_read else "●"
    heading = f"{mark} {bold('@' + header.author)} to {to}  {dim(ago(header.sent_at, screen.now_ms))}"
    facts = [header.id, *(f"{scope.type}:{scope.value}" for scope in header.scopes)]
    facts += [f"reply to {header.reply_to}"] if header.reply_to else []
    facts += [f"edited {ago(message.updated_at, screen.now_ms)}"] if message.updated_at else []
    lines = wrap(message.content, screen.width - 4)
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = [dim(f"… {len(lines) - _LINES + 1} more lines: thrum message get {header.id}")]
    under = [dim(line) for line in flow(facts, screen.width - 2)]
    return "\n".join([heading, *(f"  {line}" for line in under), *(f"    {line}".rstrip() for line in lines)])
