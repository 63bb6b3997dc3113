"""inbox: the messages an agent received, newest first."""

from __future__ import annotations

from thrum_cli.command import PAGE, App, Option, command
from thrum_cli.terminal.output import Outcome, Screen, ago, beginning, beyond, bold, dim, flow, human, listing, summary
from thrum_store.service.messages import inbox as service
from thrum_store.service.messages.inbox import Inbox, ReadInbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.service.messages.inbox import InboxMessage

_LINES = 12  # of one message


@command(
    "inbox",
    "thrum inbox --unread",
    "thrum inbox --scope module:auth --page 2",
    "thrum inbox --all",
    returns=Inbox,
    options=(
        Option("--scope", "Only messages with this scope.", "TYPE:VALUE"),
        Option("--mentions", "Only messages that mention you or your role."),
        Option("--unread", "Only unread messages."),
        Option("--all -a", "The messages of everybody, not only yours.", name="everything"),
        *PAGE,
    ),
)
def inbox(
    app: App, scope: str | None, mentions: bool, unread: bool, everything: bool, page_size: int, page: int
) -> Outcome:
    """List the messages in your inbox.

    The newest come first. What everyone got in the week before you registered stands at the end. Listing marks nothing
    as read: `thrum message read` and `thrum reply` do.
    """
    request = ReadInbox(scope, mentions, unread, everything, page_size, page)
    box = service.inbox(app.store, app.caller, request)
    return Outcome(box, note="" if box.messages else _empty(box, request))


def _empty(box: Inbox, request: ReadInbox) -> str:
    if box.total:
        return beyond(box.page, box.total, box.total_pages)
    if request.scope or request.mentions:
        return f"No messages matching this filter for @{box.address}. `thrum inbox` shows everything you received."
    if request.unread:
        return f"No unread messages for @{box.address}. `thrum wait` blocks until a message arrives."
    if request.everything:
        return 'No messages yet. Send the first: `thrum send "Hello"`'
    return (
        f"No messages for @{box.address} yet. `thrum inbox --all` shows all messages; `thrum wait` waits for new ones."
    )


@human.register(Inbox)
def _inbox(box: Inbox, screen: Screen) -> str:
    if not box.messages:
        return ""
    blocks = [_block(message, screen) for message in box.messages]
    page = summary(box.page, box.page_size, len(box.messages), box.total)
    next_step = ". Answer: thrum reply MSG_ID TEXT" if screen.hints else ""
    return "\n\n".join([*blocks, dim(f"{page} ({box.unread} unread){next_step}")])


def _block(message: InboxMessage, screen: Screen) -> str:
    header = message.header
    to = listing([address.value for address in header.to], 3)
    mark = "○" if message.is_read else "●"
    head = f"{mark} {bold('@' + header.author)} to {to}  {dim(ago(header.sent_at, screen.now_ms))}"
    details = [header.id, *(f"{scope.type}:{scope.value}" for scope in header.scopes)]
    details += [f"reply to {header.reply_to}"] if header.reply_to else []
    details += ["from before you registered"] if message.history else []
    details += [f"edited {ago(message.updated_at, screen.now_ms)}"] if message.updated_at else []
    lines, note = beginning(message.content, screen.width - 4, _LINES)
    lines += [dim(f"{note}: thrum message get {header.id}")] if note else []
    under = [f"  {dim(line)}" for line in flow(details, screen.width - 2)]
    return "\n".join([head, *under, *(f"    {line}".rstrip() for line in lines)])
