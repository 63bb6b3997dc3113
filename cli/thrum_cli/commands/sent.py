"""sent: the messages an agent sent, and who has read them."""

from __future__ import annotations

from thrum_cli.command import PAGE, App, Entry, Group, Option
from thrum_cli.terminal.output import Outcome, Screen, ago, beginning, beyond, dim, flow, human, listing, summary
from thrum_store.service.messages import sent as service
from thrum_store.service.messages.sent import Outbox, ReadSent, SentMessage

_LINES = 2  # of one message
_NAMED = 6  # recipients listed by name


def _sent(app: App, to: str | None, unread: bool, page_size: int, page: int) -> Outcome:
    """List the messages you sent, and who has read them."""
    request = ReadSent(to, unread, page_size, page)
    result = service.outbox(app.store, app.caller, request)
    return Outcome(result, note="" if result.messages else _empty(result, request))


sent = Group(
    "sent",
    "List the messages you sent, and who has read them.",
    {"Commands": {"show": Entry("commands.message:show", "Show one message you sent, with every recipient.")}},
    ("thrum sent --unread", "thrum sent --to @builder", "thrum sent show msg_01KAR…"),
    function=_sent,
    options=(
        Option("--to", "Only messages to this agent, role or group, or to @everyone.", "@NAME", complete="addresses"),
        Option("--unread", "Only messages that somebody has not read yet."),
        *PAGE,
    ),
    returns=Outbox,
)


def _empty(page: Outbox, request: ReadSent) -> str:
    if page.total:
        return beyond(page.page, page.total, page.total_pages)
    if request.unread:
        return "All your messages were read."
    if request.to:
        return f"No sent messages to {request.to}. `thrum sent` shows everything you sent."
    return 'No sent messages yet. Send a message: `thrum send "Hello"`'


@human.register(Outbox)
def _outbox(page: Outbox, screen: Screen) -> str:
    if not page.messages:
        return ""
    footer = summary(page.page, page.page_size, len(page.messages), page.total)
    return "\n\n".join([*(_block(message, screen) for message in page.messages), dim(footer)])


def _block(message: SentMessage, screen: Screen) -> str:
    header = message.header
    to = listing([address.value for address in header.to], 3)
    heading = f"to {to}  {dim(ago(header.sent_at, screen.now_ms))}  {dim(header.id)}"
    lines, note = beginning(message.content, screen.width - 4, _LINES)
    lines += [dim(f"{note}: thrum message get {header.id}")] if note else []
    receipts = flow(_receipts(message), screen.width - 2)
    return "\n".join([heading, *(f"    {line}".rstrip() for line in lines), *(f"  {line}" for line in receipts)])


def _receipts(message: SentMessage) -> list[str]:
    """Return each recipient with its status; of many, only how many have read it and who has not."""
    recipients = message.recipients
    if not recipients:
        return ["no agent received it"]
    if len(recipients) <= _NAMED:
        return [f"@{recipient.address} {recipient.status}" for recipient in recipients]
    unread = [recipient.address for recipient in recipients if not recipient.read_at]
    return [f"read by {message.read_count} of {len(recipients)}", *([f"not by {listing(unread)}"] if unread else [])]
