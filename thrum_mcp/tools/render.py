"""What the tools return, as text made for a language model: who, when, which id, how to answer.

Another agent's words stand between two lines that carry a marker drawn for this one call, so no message can close its
own fence, open a second one, or pass as a header. Headers hold verified data only: names by their grammar, ids, times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from thrum_store import fence
from thrum_store.fence import UNTRUSTED
from thrum_store.machine.host import REAL
from thrum_store.printable import safe_line

from . import results

ANSWER = "Answer with send_message(to=<from>, reply_to=<message_id>, content=…)"


def fenced(messages: Sequence[results.Message]) -> str:
    """Messages with all that an answer needs."""
    marker = fence.marker([message.content for message in messages], REAL.entropy)
    what = "1 message" if len(messages) == 1 else f"{len(messages)} messages"
    first = f"{what}. What stands between the lines marked {marker} was {UNTRUSTED}."
    return "\n\n".join([first, *(_message(message, marker) for message in messages)])


def _handed_over(messages: Sequence[results.Message], remaining: int) -> str:
    more = f"\n\n{remaining} more unread: call check_messages." if remaining else ""
    return fenced(messages) + more


def inbox(messages: Sequence[results.Message], unread: int, total: int) -> str:
    """The newest messages, and how many there are."""
    first = f"{_count(total, 'message')} in your inbox, {unread} unread; check_messages hands those over."
    return f"{first} The newest {len(messages)}, newest first:\n\n{fenced(messages)}" if messages else first


def _message(message: results.Message, marker: str) -> str:
    head = [f"from @{message.from_}", message.timestamp, f"id {message.message_id}"]
    if message.to:
        head.append("to " + " ".join(message.to))
    if message.reply_to:
        head.append(f"in reply to {message.reply_to}")
    lines = [" · ".join(head)]
    if message.metadata:
        lines.append("metadata " + safe_line(json.dumps(message.metadata, ensure_ascii=False)))
    lines.append(fence.fenced(message.content, marker))
    if message.shortened_from:
        lines.append(f"(cut; {message.shortened_from} characters in all: `thrum message get {message.message_id}`)")
    lines.append(f'Answer: send_message(to="@{message.from_}", reply_to="{message.message_id}", content=…)')
    return "\n".join(lines)


def checked(result: results.Checked) -> str:
    """The unread messages, or that there are none."""
    return _handed_over(result.messages, result.remaining) if result.messages else result.next


def waited(result: results.Waited) -> str:
    """The message that ended the wait, or that none came."""
    return _handed_over([result.message], result.remaining) if result.message else result.next


def sent(result: results.Sent) -> str:
    """Whom a message reached."""
    lines = [f"Sent {result.message_id} to {_names(result.recipients)}.", *_warnings(result.warnings)]
    return "\n".join(lines)


def broadcast(result: results.Broadcast) -> str:
    """How many a broadcast reached."""
    lines = [f"Sent {result.message_ids[0]} to @everyone: {_count(result.resolved_to, 'agent')}."]
    return "\n".join([*lines, *_warnings(result.warnings)])


def agents(result: results.Agents) -> str:
    """One line per agent."""
    return "\n".join([f"{_count(result.count, 'agent')}.", *(_agent(agent) for agent in result.agents)])


def _agent(agent: results.Agent) -> str:
    parts = [f"@{agent.name}" + (" (you)" if agent.you else ""), agent.status, f"role {agent.role}"]
    parts += [f"{what} {value}" for what, value in (("module", agent.module), ("called", agent.display)) if value]
    if agent.waiting:
        parts.append("waiting for a message")
    parts.append(f"last seen {agent.last_seen_at}")
    return " · ".join(parts)


def groups(result: results.Groups) -> str:
    """One line per group."""
    return "\n".join([f"{_count(result.count, 'group')}.", *(_group(group) for group in result.groups)])


def _group(group: results.GroupLine) -> str:
    text = f"@{group.name} · {_count(group.member_count, 'member')}"
    return f"{text} · {group.description}" if group.description else text


def group_created(result: results.GroupCreated) -> str:
    """That a group exists now."""
    return f"Group @{result.name} exists now ({result.group_id}); add_group_member fills it."


def group_deleted(result: results.GroupDeleted) -> str:
    """That a group is gone."""
    return f"Group @{result.name} is deleted."


def membership(result: results.Membership) -> str:
    """What became of a membership."""
    what = {"added": "is now in", "removed": "is no longer in", "unchanged": "was already in"}[result.status]
    return f"{result.member_type} {result.member_value} {what} @{result.group}."


def group(result: results.Group) -> str:
    """A group with its members."""
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
