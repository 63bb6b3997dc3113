"""The logs of the Go program of this name, translated into our terms; pure, they are never written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from thrum_store import identity, values
from thrum_store.errors import Invalid
from thrum_store.service import message_parts

_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")


@dataclass
class Agent:
    """An agent, as it registered last."""

    name: str
    ms: int
    data: dict[str, str]


@dataclass
class Message:
    """A message with its edits and readers. `to`: addresses as (type, value); `readers`: name -> milliseconds."""

    id: str
    author: str
    ms: int
    content: str
    format: str
    to: list[tuple[str, str]]
    recipients: list[str]
    scopes: list[tuple[str, str]]
    refs: list[tuple[str, str]]
    thread: str | None
    reply_to: str | None
    structured: dict[str, Any] | None
    edited: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    readers: dict[str, int] = field(default_factory=dict[str, int])


@dataclass
class Group:
    """A group with its members as (type, value)."""

    name: str
    by: str
    description: str
    ms: int
    members: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass
class GoLogs:
    """The contents of all logs; `invalid` counts lines that cannot be understood."""

    agents: dict[str, Agent] = field(default_factory=dict[str, Agent])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    invalid: int = 0


def parse(lines: Iterable[bytes]) -> GoLogs:
    """Parse the lines of all files; the order of the files does not matter."""
    logs = GoLogs()
    events: list[tuple[int, int, dict[str, Any]]] = []
    for place, line in enumerate(line for line in lines if line.strip()):
        try:
            event = values.loads(line)
            values.compact(event).encode()  # half a surrogate pair is no text
            if b"\\u0000" in line:
                raise ValueError("NUL")
            events.append((_ms(event["timestamp"]), place, event))
        except (ValueError, KeyError, TypeError):
            logs.invalid += 1
    seen: set[str] = set()
    for ms, _, event in sorted(events, key=lambda entry: entry[:2]):
        identifier = str(event.get("event_id") or values.canonical(event))
        if identifier in seen:
            continue
        seen.add(identifier)
        try:
            _apply(logs, ms, event)
        except (KeyError, TypeError, ValueError, AttributeError, Invalid):
            logs.invalid += 1
    return logs


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(_FRACTION.sub(r"\1", text)).timestamp() * 1000)


def _apply(logs: GoLogs, ms: int, event: dict[str, Any]) -> None:
    kind = event.get("type")
    if kind == "agent.register":
        agent = _agent(event, ms)
        logs.agents[agent.name] = agent
    elif kind == "agent.cleanup":
        removed = name(event["agent_id"])
        logs.agents.pop(removed, None)
        logs.messages = {key: message for key, message in logs.messages.items() if message.author != removed}
    elif isinstance(kind, str) and kind.startswith("message."):
        _apply_message(logs, kind, ms, event)
    elif isinstance(kind, str) and kind.startswith("group."):
        _apply_group(logs, kind, ms, event)


def _agent(event: dict[str, Any], ms: int) -> Agent:
    fields = {key: str(event.get(key) or "") for key in ("kind", "role", "module", "display", "worktree")}
    fields |= {"kind": fields["kind"] or "agent", "role": _word(fields["role"]), "module": _word(fields["module"])}
    return Agent(name(event["agent_id"]), ms, {**fields, "host": str(event.get("hostname") or "")})


def _apply_message(logs: GoLogs, kind: str, ms: int, event: dict[str, Any]) -> None:
    if kind == "message.create":
        created = _message(event, ms)
        logs.messages.setdefault(created.id, created)
        return
    message = logs.messages.get(event["message_id"])
    if message is None:
        return
    if kind == "message.edit":
        message.edited.append((ms, str(event["body"]["content"])))
    elif kind == "message.delete":
        del logs.messages[message.id]
    elif kind == "message.receipt":
        message.readers.setdefault(name(event["agent_id"]), ms)


def _message(event: dict[str, Any], ms: int) -> Message:
    body = event["body"]
    refs, scopes = _pairs(event.get("refs")), _pairs(event.get("scopes"))
    listed: list[Any] = event.get("recipients") or []
    recipients = [name(recipient) for recipient in listed if isinstance(recipient, str)]
    groups = [("group", _word(value)) for kind, value in scopes if kind == "group"]
    wide = [("everyone", "everyone") if value == "everyone" else (kind, value) for kind, value in groups]
    direct = [("agent", name(value)) for kind, value in refs if kind == "mention"]
    structured = body.get("structured")
    data: Any = values.loads(structured) if isinstance(structured, str) and structured else structured
    return Message(
        id=str(event["message_id"]),
        author=name(event["agent_id"]),
        ms=ms,
        content=str(body["content"]),
        format=body["format"] if body.get("format") in message_parts.FORMATS else "markdown",
        to=[*direct, *wide] or [("everyone", "everyone")],
        recipients=list(dict.fromkeys(recipients)),
        scopes=[pair for pair in scopes if pair[0] != "group"],
        refs=[pair for pair in refs if pair[0] not in ("reply_to", "group")],
        thread=_thread(event.get("thread_id")),
        reply_to=next((value for kind, value in refs if kind == "reply_to"), None),
        structured=dict(data) if isinstance(data, dict) else None,  # pyright: ignore[reportUnknownArgumentType]
    )


def _thread(raw: Any) -> str | None:
    try:
        return message_parts.thread_id(raw) if isinstance(raw, str) else None
    except Invalid:
        return None


def _apply_group(logs: GoLogs, kind: str, ms: int, event: dict[str, Any]) -> None:
    identifier = str(event["group_id"])
    if identifier.startswith(("grp_everyone", "grp_role_")):
        return  # both are built in: @everyone, and an address for each role
    if kind == "group.create":
        logs.groups[identifier] = Group(
            _word(event["name"]), name(event["created_by"]), str(event.get("description") or ""), ms
        )
        return
    group = logs.groups.get(identifier)
    if group is None:
        return
    if kind == "group.delete":
        del logs.groups[identifier]
        return
    member = (str(event["member_type"]), _word(event["member_value"]))
    if kind == "group.member.add" and member not in group.members and member[1] and member[0] in ("agent", "role"):
        group.members.append(member)
    elif kind == "group.member.remove" and member in group.members:
        group.members.remove(member)


def _pairs(raw: Any) -> list[tuple[str, str]]:
    listed: list[Any] = raw or []
    return list(dict.fromkeys((str(pair["type"]), str(pair["value"])) for pair in listed))


def name(text: str) -> str:
    """Return our name for an agent's id: `agent:role:hash` and `user:name` keep their parts. Raises Invalid."""
    return identity.valid_name(identity.migrated_name(text))


def _word(text: str) -> str:
    """Reduce a text to the letters, digits, `-` and `_` of our names."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:64]
