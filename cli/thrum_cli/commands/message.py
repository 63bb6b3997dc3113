"""message: get, edit, delete, or mark as read."""

from __future__ import annotations

from thrum_cli.command import BODY, App, Argument, Group, Option, body, command, commands
from thrum_cli.terminal.output import Screen, ago, bold, fields, human, wrap
from thrum_store import values
from thrum_store.service.messages import editing
from thrum_store.service.messages.editing import (
    Deleted,
    DeleteMessage,
    Edited,
    EditMessage,
    Marked,
    MarkRead,
    MessageDetail,
)
from thrum_store.values import plural

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from thrum_store.service.message_parts import Pair, Recipient
    from thrum_store.service.messages.editing import Message


@command("get", "thrum message get msg_01KAR…", options=(Argument("msg_id"),))
def get(app: App, msg_id: str) -> MessageDetail:
    """Show one message with all its details.

    This does not mark it as read.
    """
    return editing.get(app.store, msg_id)


@command("show", "thrum sent show msg_01KAR…", options=(Argument("msg_id"),))
def show(app: App, msg_id: str) -> MessageDetail:
    """Show one message you sent, with every recipient."""
    from thrum_store.service.messages import sent  # of `thrum sent`: it stands beside the words for such a message

    return sent.show_sent(app.store, app.caller, msg_id)


@command(
    "edit",
    'thrum message edit msg_01KAR… "The port is 8443"',
    options=(Argument("msg_id"), Argument("text", required=False), *BODY),
)
def edit(app: App, msg_id: str, text: str | None, stdin: bool, body_file: BinaryIO | None) -> Edited:
    """Replace the text of a message you wrote.

    Read receipts stay as they are.
    """
    return editing.edit(app.store, app.caller, EditMessage(msg_id, body(text, stdin, body_file)))


@command(
    "delete",
    "thrum message delete msg_01KAR… --force",
    options=(Argument("msg_id"), Option("--force", "Confirm the deletion, which cannot be undone.")),
)
def delete(app: App, msg_id: str, force: bool) -> Deleted:
    """Delete a message you wrote.

    It disappears from every inbox.
    """
    return editing.delete(app.store, app.caller, DeleteMessage(msg_id, force))


@command(
    "read",
    "thrum message read msg_01KAR… msg_01KAS…",
    "thrum message read --all",
    options=(
        Argument("msg_ids", "[MSG_ID]...", required=False, many=True),
        Option("--all", "Mark every unread message in your inbox.", name="everything"),
    ),
)
def read(app: App, msg_ids: tuple[str, ...], everything: bool) -> Marked:
    """Mark messages as read.

    Their senders see that you read them.
    """
    return editing.mark_read(app.store, app.caller, MarkRead(msg_ids, everything))


message = Group(
    "message",
    "Show, edit, delete or mark single messages.",
    commands(get, edit, delete, read),
    ("thrum message get msg_01KAR…", "thrum message read --all"),
)


@human.register(MessageDetail)
def _detail(detail: MessageDetail, screen: Screen) -> str:
    from thrum_cli.terminal.layout import table  # `message read` draws none

    message = detail.message
    receipts = [(f"@{recipient.address}", _receipt(recipient, screen.now_ms)) for recipient in message.recipients]
    text = [f"    {line}".rstrip() for line in wrap(message.content, screen.width - 4)]
    parts = [f"{bold('Message: ' + message.header.id)}\n{_header(message, screen.now_ms)}", "\n".join(text)]
    if receipts:
        parts.append(f"Recipients:\n{table(('recipient', 'status'), receipts, screen)}")
    return "\n\n".join(part for part in parts if part)


def _header(message: Message, now_ms: int) -> str:
    header = message.header
    edited = f"{ago(message.updated_at, now_ms)}, {plural(message.version, 'time')}" if message.updated_at else None
    deleted = ("DELETED", ago(message.deleted_at, now_ms), message.delete_reason) if message.deleted else ()
    return fields(
        (
            ("From", f"@{header.author}" + (f" ({header.role})" if header.role else "")),
            ("To", ", ".join(f"@{address.value}" for address in header.to)),
            ("Time", f"{header.sent_at} ({ago(header.sent_at, now_ms)})"),
            ("Thread", header.thread),
            ("Reply to", header.reply_to),
            ("Scopes", _pairs(header.scopes)),
            ("Refs", _pairs(tuple(ref for ref in message.refs if ref.type != "mention"))),
            ("Format", message.format if message.format != "markdown" else None),
            ("Data", values.finite(message.structured) if message.structured else None),
            ("Edited", edited),
            ("Status", ", ".join(part for part in deleted if part) or None),
        )
    )


def _pairs(pairs: tuple[Pair, ...]) -> str:
    return ", ".join(f"{pair.type}:{pair.value}" for pair in pairs)


def _receipt(recipient: Recipient, now_ms: int) -> str:
    return f"{recipient.status} {ago(recipient.read_at, now_ms)}".rstrip()


@human.report(Edited)
def _edited(edited: Edited) -> str:
    return f"Message edited: {edited.id} (version {edited.version})."


@human.report(Deleted)
def _deleted(deleted: Deleted) -> str:
    return f"Message deleted: {deleted.id}."


@human.report(Marked)
def _marked(marked: Marked) -> str:
    rest = f"{plural(marked.unread, 'unread message')} remaining" if marked.unread else "nothing is unread now"
    if not marked.marked_count:
        return f"Nothing to mark; {rest}." if marked.unread else "No unread messages."
    return f"Marked {plural(marked.marked_count, 'message')} as read; {rest}."
