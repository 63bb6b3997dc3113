"""The rules by which the Go program's events become agents, sessions, groups and messages; pure.

The order of the files and of the lines does not matter: all that begins something is read first, then what changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from thrum_store import values
from thrum_store.errors import Invalid
from thrum_store.service import message_parts

from . import go_lines
from .go_database import is_row
from .go_lines import GoEvent
from .go_logs import Agent, Change, GoLogs, GroupChange, Message, Registration, Session
from .go_names import Names, word

BUILT_IN = ("grp_everyone", "grp_role_")  # @everyone, and an address for each role
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, Invalid)


def parse(files: Iterable[tuple[str, bytes]]) -> GoLogs:
    """Parse all files: (name, content)."""
    events, unreadable = go_lines.read(files)
    logs = GoLogs(Names.of(events), unreadable=unreadable)
    later: list[GoEvent] = []
    rows = [event for event in events if is_row(event.fields)]
    for event in events:
        if is_row(event.fields):
            continue
        rule = BEGINNINGS.get(event.fields["type"])
        if rule is None:
            later.append(event)
        else:
            _apply(logs, rule, event)
    for event in later:
        rule = CHANGES.get(event.fields["type"])
        if rule is None:
            logs.unknown[event.fields["type"]] += 1
        else:
            _apply(logs, rule, event)
    _complete(logs, rows)
    return logs


def _complete(logs: GoLogs, rows: list[GoEvent]) -> None:
    """Apply the rows of the database that say what no event says."""
    known = {name for name, agent in logs.agents.items() if agent.registrations}
    groups = set(logs.groups)
    for event in sorted(rows, key=lambda row: row.fields["type"] != "group.create"):
        fields = event.fields
        is_known = logs.names.name(str(fields.get("agent_id") or "-")) in known
        if fields["type"].startswith("group."):
            is_known = str(fields.get("group_id")) in groups
        if fields["type"] == "message.receipt" or not is_known:
            _apply(logs, {**BEGINNINGS, **CHANGES}[fields["type"]], event)


def _apply(logs: GoLogs, rule: Rule, event: GoEvent) -> None:
    try:
        rule(logs, event.ms, event.id, event.fields)
    except _MALFORMED:
        logs.unreadable.append(event.id)


# --- agents and sessions ----------------------------------------------------------------------------------------------


def _register(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    data = {key: str(fields.get(key) or "") for key in ("kind", "role", "module", "display", "worktree", "hostname")}
    data |= {"kind": data["kind"] or "agent", "role": word(data["role"]), "module": word(data["module"])}
    agent = agent_of(logs, str(fields["agent_id"]))
    agent.registrations.append(Registration(ms, event, {**data, "host": data.pop("hostname")}))


def agent_of(logs: GoLogs, identifier: str) -> Agent:
    """Return the agent with this id, which need not be registered."""
    name = logs.names.name(identifier)
    return logs.agents.setdefault(name, Agent(identifier, name))


def _cleanup(logs: GoLogs, ms: int, _: str, fields: dict[str, Any]) -> None:
    name = logs.names.name(str(fields["agent_id"]))
    logs.removed[name] = max(ms, logs.removed.get(name, ms))


def _purge(logs: GoLogs, ms: int, _: str, fields: dict[str, Any]) -> None:
    """A purge takes what is older than its cutoff. `purge --all` names a later time than its own."""
    cutoff = go_lines.milliseconds(fields["cutoff"])
    logs.purged_ms = max(logs.purged_ms, min(ms, ms if cutoff is None else cutoff))


def _session(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    identifier = str(fields["session_id"])
    logs.sessions.setdefault(identifier, Session(identifier, agent_of(logs, str(fields["agent_id"])).name, ms, event))


def _session_end(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    session = logs.sessions.get(str(fields["session_id"]))
    if session is not None and session.end is None:
        session.end = max(ms, session.ms), event, str(fields.get("reason") or "normal")


def _work(logs: GoLogs, _: int, __: str, fields: dict[str, Any]) -> None:
    contexts: list[Mapping[str, Any]] = fields.get("work_contexts") or []
    agent = agent_of(logs, str(fields["agent_id"]))
    for context in contexts:
        agent.work |= {key: value for key, value in context.items() if value and isinstance(value, str)}


# --- messages ---------------------------------------------------------------------------------------------------------


def _create(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    body, refs, scopes = fields["body"], _pairs(fields.get("refs")), _pairs(fields.get("scopes"))
    listed: list[Any] = fields.get("recipients") or []
    recipients = [logs.names.name(recipient) for recipient in listed if isinstance(recipient, str) and recipient]
    acting = [("authored_by", str(fields["authored_by"]))] if fields.get("authored_by") else []
    acting += [("disclosed", "true")] if fields.get("disclosed") else []
    identifier = str(fields["message_id"])
    logs.messages.setdefault(
        identifier,
        Message(
            id=identifier,
            author=agent_of(logs, str(fields["agent_id"])).name,
            ms=ms,
            event=event,
            content=_text(body.get("content")),
            format=body["format"] if body.get("format") in message_parts.FORMATS else "markdown",
            to=[pair for pair in refs if pair[0] == "mention"] + [pair for pair in scopes if pair[0] == "group"],
            recipients=list(dict.fromkeys(recipients)) or None,
            scopes=[pair for pair in scopes if pair[0] != "group"],
            refs=[pair for pair in refs if pair[0] not in ("reply_to", "group")] + acting,
            thread=_thread(fields.get("thread_id")),
            reply_to=next((value for kind, value in refs if kind == "reply_to"), None),
            structured=_structured(body.get("structured")),
            session=str(fields.get("session_id") or ""),
        ),
    )


def _text(content: Any) -> str:
    return content if isinstance(content, str) else values.compact(content)


def _edit(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    message = logs.messages.get(fields["message_id"])
    if message is not None:
        content = fields["body"].get("content")
        before = next((change.content for change in reversed(message.changes) if change.content), message.content)
        text, data = _text(content) if content else before, _structured(fields["body"].get("structured"))
        message.changes.append(Change(max(ms, message.ms), event, text, data))


def _delete(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    message = logs.messages.get(fields["message_id"])
    if message is not None:
        message.changes.append(Change(max(ms, message.ms), event, None, None, str(fields.get("reason") or "")))


def _receipt(logs: GoLogs, ms: int, _: str, fields: dict[str, Any]) -> None:
    message = logs.messages.get(fields["message_id"])
    if message is not None and fields.get("receipt_type") != "seen":
        message.readers.setdefault(agent_of(logs, str(fields["agent_id"])).name, max(ms, message.ms))


def _structured(raw: Any) -> dict[str, Any] | None:
    """Return structured data as we hold it: an object. What is none, or too large for one, is kept inside of one."""
    if raw in (None, ""):
        return None
    try:
        data: Any = values.loads(raw) if isinstance(raw, str) else raw
        return message_parts.structured(data if isinstance(data, dict) else {"value": data})  # pyright: ignore[reportUnknownArgumentType]
    except (ValueError, RecursionError, Invalid):
        return {"text": raw if isinstance(raw, str) else values.compact(raw)}


def _thread(raw: Any) -> str | None:
    try:
        return message_parts.thread_id(raw) if isinstance(raw, str) else None
    except Invalid:
        return None


def _pairs(raw: Any) -> list[tuple[str, str]]:
    listed: list[Any] = raw or []
    return list(dict.fromkeys((str(pair["type"]), str(pair["value"])) for pair in listed))


# --- groups -----------------------------------------------------------------------------------------------------------


def _group(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    identifier = str(fields["group_id"])
    if not identifier.startswith(BUILT_IN):
        logs.groups[identifier] = str(fields["name"])
        logs.descriptions[identifier] = str(fields.get("description") or "")
        logs.group_changes.append(GroupChange(ms, event, "group.create", identifier, _by(logs, fields, "created_by")))


def _group_update(logs: GoLogs, _: int, __: str, fields: dict[str, Any]) -> None:
    identifier, changed = str(fields["group_id"]), fields["fields"]
    if identifier in logs.groups:
        logs.groups[identifier] = str(changed.get("name") or logs.groups[identifier])
        logs.descriptions[identifier] = str(changed.get("description") or logs.descriptions[identifier])


def _group_delete(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    identifier = str(fields["group_id"])
    if identifier in logs.groups:
        logs.group_changes.append(GroupChange(ms, event, "group.delete", identifier, _by(logs, fields, "deleted_by")))


def _member(logs: GoLogs, ms: int, event: str, fields: dict[str, Any]) -> None:
    identifier, kind = str(fields["group_id"]), fields["type"]
    member = str(fields["member_type"]), str(fields["member_value"])
    if identifier.startswith(BUILT_IN):
        return
    if identifier not in logs.groups or member[0] not in ("agent", "role", "group"):
        raise ValueError(identifier)
    by = _by(logs, fields, "added_by" if kind == "group.member.add" else "removed_by")
    logs.group_changes.append(GroupChange(ms, event, kind, identifier, by, member))


def _by(logs: GoLogs, fields: dict[str, Any], key: str) -> str:
    return logs.names.name(str(fields.get(key) or "system"))


Rule = Callable[[GoLogs, int, str, dict[str, Any]], None]
BEGINNINGS: dict[str, Rule] = {
    "agent.register": _register, "agent.session.start": _session, "message.create": _create, "group.create": _group,
    "agent.cleanup": _cleanup, "purge.executed": _purge,
}  # fmt: skip
CHANGES: dict[str, Rule] = {
    "agent.session.end": _session_end, "agent.update": _work, "message.edit": _edit, "message.delete": _delete,
    "message.receipt": _receipt, "group.member.add": _member, "group.member.remove": _member,
    "group.update": _group_update, "group.delete": _group_delete,
}  # fmt: skip
