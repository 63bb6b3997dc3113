"""The logs of the Go program of this name, read and never written: what they say, put into our words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from thrum_store import model
from thrum_store.errors import Invalid

_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")


@dataclass
class Agent:
    """An agent as it registered last."""

    name: str
    ms: int
    data: dict[str, str]


@dataclass
class Message:
    """A message with what became of it. `to` are addresses as (type, value), `readers` name -> milliseconds."""

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
class Old:
    """Everything that the logs say; `strange` counts lines that make no sense."""

    agents: dict[str, Agent] = field(default_factory=dict[str, Agent])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    strange: int = 0


def understood(lines: Iterable[bytes]) -> Old:
    """What all lines of all files say together, in whichever order the files come."""
    old = Old()
    events: list[tuple[int, int, dict[str, Any]]] = []
    for place, line in enumerate(line for line in lines if line.strip()):
        try:
            event = json.loads(line)
            json.dumps(event, ensure_ascii=False).encode()  # half a surrogate pair is no text
            if b"\\u0000" in line:
                raise ValueError("NUL")
            events.append((_ms(event["timestamp"]), place, event))
        except (ValueError, KeyError, TypeError):
            old.strange += 1
    seen: set[str] = set()
    for ms, _, event in sorted(events, key=lambda one: one[:2]):
        identifier = str(event.get("event_id") or json.dumps(event, sort_keys=True))
        if identifier in seen:
            continue
        seen.add(identifier)
        try:
            _apply(old, ms, event)
        except (KeyError, TypeError, ValueError, AttributeError, Invalid):
            old.strange += 1
    return old


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(_FRACTION.sub(r"\1", text)).timestamp() * 1000)


def _apply(old: Old, ms: int, event: dict[str, Any]) -> None:
    kind = event.get("type")
    if kind == "agent.register":
        agent = _agent(event, ms)
        old.agents[agent.name] = agent
    elif kind == "agent.cleanup":
        gone = name(event["agent_id"])
        old.agents.pop(gone, None)
        old.messages = {key: one for key, one in old.messages.items() if one.author != gone}
    elif isinstance(kind, str) and kind.startswith("message."):
        _apply_message(old, kind, ms, event)
    elif isinstance(kind, str) and kind.startswith("group."):
        _apply_group(old, kind, ms, event)


def _agent(event: dict[str, Any], ms: int) -> Agent:
    told = {key: str(event.get(key) or "") for key in ("kind", "role", "module", "display", "worktree")}
    told |= {"kind": told["kind"] or "agent", "role": _word(told["role"]), "module": _word(told["module"])}
    return Agent(name(event["agent_id"]), ms, {**told, "host": str(event.get("hostname") or "")})


def _apply_message(old: Old, kind: str, ms: int, event: dict[str, Any]) -> None:
    if kind == "message.create":
        one = _message(event, ms)
        old.messages.setdefault(one.id, one)
        return
    found = old.messages.get(event["message_id"])
    if found is None:
        return
    if kind == "message.edit":
        found.edited.append((ms, str(event["body"]["content"])))
    elif kind == "message.delete":
        del old.messages[found.id]
    elif kind == "message.receipt":
        found.readers.setdefault(name(event["agent_id"]), ms)


def _message(event: dict[str, Any], ms: int) -> Message:
    body = event["body"]
    refs, scopes = _pairs(event.get("refs")), _pairs(event.get("scopes"))
    listed: list[Any] = event.get("recipients") or []
    recipients = [name(one) for one in listed if isinstance(one, str)]
    groups = [("group", _word(value)) for kind, value in scopes if kind == "group"]
    wide = [("everyone", "everyone") if value == "everyone" else (kind, value) for kind, value in groups]
    direct = [("agent", name(value)) for kind, value in refs if kind == "mention"]
    structured = body.get("structured")
    told: Any = json.loads(structured) if isinstance(structured, str) and structured else structured
    return Message(
        id=str(event["message_id"]),
        author=name(event["agent_id"]),
        ms=ms,
        content=str(body["content"]),
        format=body["format"] if body.get("format") in model.FORMATS else "markdown",
        to=[*direct, *wide] or [("everyone", "everyone")],
        recipients=list(dict.fromkeys(recipients)),
        scopes=[pair for pair in scopes if pair[0] != "group"],
        refs=[pair for pair in refs if pair[0] not in ("reply_to", "group")],
        thread=_thread(event.get("thread_id")),
        reply_to=next((value for kind, value in refs if kind == "reply_to"), None),
        structured=dict(told) if isinstance(told, dict) else None,  # pyright: ignore[reportUnknownArgumentType]
    )


def _thread(raw: Any) -> str | None:
    try:
        return model.thread_id(raw) if isinstance(raw, str) else None
    except Invalid:
        return None


def _apply_group(old: Old, kind: str, ms: int, event: dict[str, Any]) -> None:
    identifier = str(event["group_id"])
    if identifier.startswith(("grp_everyone", "grp_role_")):
        return  # built in here: @everyone, and an address for each role
    if kind == "group.create":
        made = Group(_word(event["name"]), name(event["created_by"]), str(event.get("description") or ""), ms)
        old.groups[identifier] = made
        return
    found = old.groups.get(identifier)
    if found is None:
        return
    if kind == "group.delete":
        del old.groups[identifier]
        return
    member = (str(event["member_type"]), _word(event["member_value"]))
    if kind == "group.member.add" and member not in found.members and member[1] and member[0] in ("agent", "role"):
        found.members.append(member)
    elif kind == "group.member.remove" and member in found.members:
        found.members.remove(member)


def _pairs(raw: Any) -> list[tuple[str, str]]:
    listed: list[Any] = raw or []
    found = [(str(one["type"]), str(one["value"])) for one in listed]
    return list(dict.fromkeys(found))


def name(text: str) -> str:
    """An agent's id as a name of ours: `agent:role:hash` and `user:name` keep their parts. Raises Invalid."""
    parts = text.split(":")
    bare = _word("-".join(parts[1:] if parts[0] == "agent" and len(parts) > 1 else parts))
    return model.name(f"{bare[:62]}-1" if bare in model.RESERVED else bare)


def _word(text: str) -> str:
    """Letters, digits, `-` and `_`, as our names have them."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")[:64]
