"""sent: the messages that an agent sent, and who has read them; sent show."""

from __future__ import annotations

from thrum_cli.command import PAGE, App, Argument, Group, Option, command, commands
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_cli.terminal.text import ago, beyond, dim, flow, listing, summary, wrap
from thrum_store.service.messages import receipts
from thrum_store.service.messages.editing import MessageDetail
from thrum_store.service.messages.receipts import Outbox, ReadSent, SentMessage

_LINES = 2  # of one message


_NAMED = 6  # recipients that are named one by one


def _sent(app: App, to: str | None, unread: bool, page_size: int, page: int) -> Outcome:
    """List the messages you sent, and who has read them."""
    request = ReadSent(to, unread, page_size, page)
    found = receipts.sent(app.store, app.caller, request)
    return Outcome(found, note="" if found.messages else _empty(found, request))


@command("show", "thrum sent show msg_01KAR…", options=(Argument("msg_id"),))
def show(app: App, msg_id: str) -> MessageDetail:
    """Show one message you sent, with every recipient."""
    return receipts.sent_show(app.store, app.caller, msg_id)


sent = Group(
    "sent",
    "List the messages you sent, and who has read them.",
    commands(show),
    ("thrum sent --unread", "thrum sent --to @builder", "thrum sent show msg_01KAR…"),
    function=_sent,
    options=(
        Option(
            "--to",
            "Only messages to this agent, role or group, or to @everyone.",
            "@NAME",
            complete="addresses",
        ),
        Option("--unread", "Only messages that somebody has not read yet."),
        *PAGE,
    ),
    returns=Outbox,
)


def _empty(found: Outbox, request: ReadSent) -> str:
    if found.total:
        return beyond(found.page, found.total, found.total_pages)
    if request.unread:
        return "Everything you sent was read."
    if request.to:
        return f"You sent nothing to {request.to}. `thrum sent` shows everything you sent."
    return 'You sent nothing yet. Begin: `thrum send "Hello"`'


@human.register(Outbox)
def _outbox(found: Outbox, screen: Screen) -> str:
    if not found.messages:
        return ""
    page = summary(found.page, found.page_size, len(found.messages), found.total)
    return "\n\n".join([*(_block(one, screen) for one in found.messages), dim(page)])


def _block(one: SentMessage, screen: Screen) -> str:
    to = listing([pair.value for pair in one.audiences], 3)
    head = f"to {to}  {dim(ago(one.created_at, screen.now_ms))}  {dim(one.message_id)}"
    lines = wrap(one.body.content, screen.width - 4)
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = [dim(f"… {len(lines) - _LINES + 1} more lines")]
    receipts = flow(_receipts(one), screen.width - 2)
    return "\n".join([head, *(f"    {line}".rstrip() for line in lines), *(f"  {line}" for line in receipts)])


def _receipts(one: SentMessage) -> list[str]:
    """Who is how far; of many, only how many have read it and who has not."""
    if not one.recipients:
        return ["nobody was there to receive it"]
    if len(one.recipients) <= _NAMED:
        return [f"@{who.agent_id} {who.status}" for who in one.recipients]
    unread = [who.agent_id for who in one.recipients if not who.read_at]
    return [f"read by {one.read_count} of {len(one.recipients)}", *([f"not by {listing(unread)}"] if unread else [])]
