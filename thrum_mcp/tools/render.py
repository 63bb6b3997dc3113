"""Results of the tools as text for a language model: sender, time, id and how to answer.

Another agent's text stands between two lines with a marker that is drawn for each call. So no message can close its own
fence, open a second one or pass as a header. Headers hold verified data only: names, ids and times.
"""

from __future__ import annotations

from collections.abc import Sequence

from thrum_store import values
from thrum_store.machine.host import REAL
from thrum_store.service import message_parts
from thrum_store.service.message_parts import UNTRUSTED
from thrum_store.values import safe_line

from . import results

ANSWER = "Answer with send_message(to=<from>, reply_to=<message_id>, content=…)"


def fenced(messages: Sequence[results.Message]) -> str:
    """Return messages, each with all that an answer to it needs."""
    marker = message_parts.marker([message.content for message in messages], REAL.entropy)
    first = f"{_count(len(messages), 'message')}. The text between the lines marked {marker} was {UNTRUSTED}."
    return "\n\n".join([first, *(_message(message, marker) for message in messages)])


def _handed_over(messages: Sequence[results.Message], remaining: int) -> str:
    more = f"\n\n{remaining} more unread: call check_messages." if remaining else ""
    return fenced(messages) + more


def inbox(messages: Sequence[results.Message], unread: int, total: int) -> str:
    """Return the newest messages of an inbox, and how many it holds."""
    first = f"{_count(total, 'message')} in your inbox, {unread} unread. To read those, call check_messages."
    return f"{first} The newest {len(messages)}, newest first:\n\n{fenced(messages)}" if messages else first


def _message(message: results.Message, marker: str) -> str:
    header = [f"from @{message.from_}", message.timestamp, f"id {message.message_id}"]
    if message.to:
        header.append("to " + " ".join(message.to))
    if message.reply_to:
        header.append(f"in reply to {message.reply_to}")
    lines = [" · ".join(header)]
    if message.metadata:
        lines.append("metadata " + safe_line(values.spaced(message.metadata)))
    lines.append(message_parts.fenced(message.content, marker))
    if message.shortened_from:
        lines.append(f"(shortened from {message.shortened_from} characters: `thrum message get {message.message_id}`)")
    lines.append(f'Answer: send_message(to="@{message.from_}", reply_to="{message.message_id}", content=…)')
    return "\n".join(lines)


def checked(result: results.Checked) -> str:
    """Return the unread messages, or a sentence that there are none."""
    return _handed_over(result.messages, result.remaining) if result.messages else result.next


def waited(result: results.Waited) -> str:
    """Return the message that ended the wait, or a sentence that none came."""
    return _handed_over([result.message], result.remaining) if result.message else result.next


def sent(result: results.Sent) -> str:
    """Return whom a message reached."""
    lines = [f"Sent {result.message_id} to {_names(result.recipients)}.", *_warnings(result.warnings)]
    return "\n".join(lines)


def broadcast(result: results.Broadcast) -> str:
    """Return how many agents a broadcast reached."""
    lines = [f"Sent {result.message_ids[0]} to @everyone: {_count(result.resolved_to, 'agent')}."]
    return "\n".join([*lines, *_warnings(result.warnings)])


def agents(result: results.Agents) -> str:
    """Return one line per agent."""
    return "\n".join([f"{_count(result.count, 'agent')}.", *(_agent(agent) for agent in result.agents)])


def _agent(agent: results.Agent) -> str:
    parts = [f"@{agent.name}" + (" (you)" if agent.you else ""), agent.status]
    labelled = (("role", agent.role), ("module", agent.module), ("called", agent.display))
    parts += [f"{label} {value}" for label, value in labelled if value]
    if agent.waiting:
        parts.append("waiting for a message")
    parts.append(f"last seen {agent.last_seen_at}")
    return " · ".join(parts)


def groups(result: results.Groups) -> str:
    """Return one line per group."""
    return "\n".join([f"{_count(result.count, 'group')}.", *(_group(group) for group in result.groups)])


def _group(group: results.GroupSummary) -> str:
    text = f"@{group.name} · {_count(group.member_count, 'member')}"
    return f"{text} · {group.description}" if group.description else text


def group_created(result: results.GroupCreated) -> str:
    """Return the confirmation of a new group."""
    return f"Created group @{result.name} ({result.group_id}). Add members with add_group_member."


def group_deleted(result: results.GroupDeleted) -> str:
    """Return the confirmation of a deletion."""
    return f"Deleted group @{result.name}."


def membership(result: results.Membership) -> str:
    """Return the change of a membership, in a sentence."""
    verb = {"added": "is now in", "removed": "is no longer in", "unchanged": "was already in"}[result.status]
    return f"{result.member_type} {result.member_value} {verb} @{result.group}."


def group(result: results.Group) -> str:
    """Return a group with its members."""
    lines = [f"@{result.name}" + (f" · {result.description}" if result.description else "")]
    lines += [f"{member.member_type} {member.member_value}" for member in result.members]
    if result.expanded is not None:
        lines.append(f"A message to it reaches {_names(result.expanded)}.")
    return "\n".join(lines)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"@{name}" for name in names) or "nobody"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _warnings(warnings: Sequence[str] | None) -> list[str]:
    return [f"Note: {warning}." for warning in warnings or ()]
