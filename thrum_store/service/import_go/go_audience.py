"""The conclusions of the Go program when it read: who is left, whom an address means, which thread a message is in.

It decided that with the state of the moment, so its last state counts here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from thrum_store.identity import EVERYONE, NAME_LIMIT, RESERVED

from .go_logs import Agent, GoLogs, GroupChange, Message
from .go_names import word

Address = tuple[str, str]


def settle(logs: GoLogs, living: Iterable[str]) -> Counter[str]:
    """Complete the logs in place; return how many messages were `deleted` with their agent, and `purged`.

    `living` are agents with an identity file: the Go program removed agents of other worktrees by mistake.
    """
    left_out = _leave_out(logs, set(living))
    _imply_agents(logs, living)
    audience = Audience(logs)
    for message in logs.messages.values():
        message.to = list(dict.fromkeys(audience.address(*pair) for pair in message.to)) or [(EVERYONE, EVERYONE)]
        message.recipients = audience.recipients(message)
    _join_threads(logs)
    _close_sessions(logs)
    return left_out


def _leave_out(logs: GoLogs, living: set[str]) -> Counter[str]:
    """Remove the agents that were deleted, with their messages, and what was purged."""
    removed = {name: ms for name, ms in logs.removed.items() if name not in living}
    for name, ms in removed.items():
        agent = logs.agents.get(name)
        if agent is not None:
            agent.registrations = [entry for entry in agent.registrations if entry.ms > ms]
            if not agent.registrations:
                del logs.agents[name]
    gone = {key for key, session in logs.sessions.items() if _is_gone(session.agent, session.ms, removed)}
    purged = {key for key, session in logs.sessions.items() if session.ms < logs.purged_ms and session.end}
    logs.sessions = {key: session for key, session in logs.sessions.items() if key not in gone | purged}
    left_out = Counter[str]()
    kept: dict[str, Message] = {}
    for key, message in logs.messages.items():
        if _is_gone(message.author, message.ms, removed):
            left_out["deleted"] += 1
        elif message.ms < logs.purged_ms:
            left_out["purged"] += 1
        else:
            kept[key] = message
    logs.messages, logs.removed = kept, removed
    return left_out


def _is_gone(agent: str, ms: int, removed: Mapping[str, int]) -> bool:
    return agent in removed and ms <= removed[agent]


def _imply_agents(logs: GoLogs, living: Iterable[str]) -> None:
    """Add the agents whose registration is lost: a purge of the Go program removed it from the log."""
    names = set(living)
    for message in logs.messages.values():
        names.update((message.author, *(message.recipients or ()), *message.readers))
    for name in sorted(names):
        if name not in logs.agents and name not in logs.removed:
            logs.agents[name] = Agent(name, name)


# --- addresses --------------------------------------------------------------------------------------------------------


class Audience:
    """Our addresses, and who received a message."""

    def __init__(self, logs: GoLogs) -> None:
        self._logs = logs
        self._roles: dict[str, set[str]] = {}
        for name, agent in logs.agents.items():
            self._roles.setdefault(agent.role, set()).add(name)
        self._roles.pop("", None)
        logs.groups = self._our_names(logs)
        logs.group_changes = [change for step in logs.group_changes for change in self._in_our_terms(step)]
        logs.group_changes.sort(key=lambda change: change.ms)
        self._members: dict[str, set[Address]] = {}
        for change in logs.group_changes:
            self._follow(change)

    def _our_names(self, logs: GoLogs) -> dict[str, str]:
        """Return our names of the groups by id: agents, roles and groups share one name space here."""
        taken = {*logs.agents, *self._roles, *RESERVED}
        self._by_name: dict[str, str] = {}
        names: dict[str, str] = {}
        for identifier, theirs in logs.groups.items():
            plain = self._by_name.get(theirs) or word(theirs) or word(identifier)
            if theirs not in self._by_name:
                numbered = (f"{plain[: NAME_LIMIT - 10]}-group{number}" for number in ("", *range(2, 9999)))
                plain = next(name for name in (plain, *numbered) if name not in taken)
            taken.add(plain)
            self._by_name[theirs] = names[identifier] = plain
        return names

    def _in_our_terms(self, step: GroupChange) -> list[GroupChange]:
        kind, value = step.member
        group = self._logs.groups[step.group]
        if kind == "role" and value == "*":  # every role, as they are now
            roles = sorted(self._roles)
            return [step._replace(group=group, member=(kind, role), event=f"{step.event}/{role}") for role in roles]
        if kind == "agent":
            value = self._logs.names.name(value)
        elif kind == "role":
            value = word(value)
        elif kind == "group":
            value = self._logs.groups.get(value) or self._by_name.get(value) or word(value)
        return [step._replace(group=group, member=(kind, value))] if value or not kind else []

    def _follow(self, change: GroupChange) -> None:
        members = self._members.setdefault(change.group, set())
        if change.kind == "group.member.add":
            members.add(change.member)
        elif change.kind == "group.member.remove":
            members.discard(change.member)
        elif change.kind == "group.delete":
            members.clear()

    def address(self, kind: str, text: str) -> Address:
        """Return our address for a mention or for the scope of a group."""
        value = text.removeprefix("@")
        if value == EVERYONE:
            return EVERYONE, EVERYONE
        names = self._logs.names
        if kind == "mention" and names.known(value) and names.name(value) in self._logs.agents:
            return "agent", names.name(value)
        if value in self._by_name:
            return "group", self._by_name[value]
        if word(value) in self._roles:
            return "role", word(value)
        return ("agent", names.name(value)) if kind == "mention" else ("group", word(value) or EVERYONE)

    def recipients(self, message: Message) -> list[str]:
        """Return who has a message in its inbox: those that its sender wrote down, else those that it was sent to."""
        if message.deleted:
            return []
        listed = message.recipients
        if listed is None:
            listed = sorted(set[str]().union(*(self._meant(*address) for address in message.to)))
        wanted = dict.fromkeys((*listed, *message.readers))
        return [name for name in wanted if name != message.author and name in self._logs.agents]

    def _meant(self, kind: str, value: str) -> set[str]:
        if kind == EVERYONE:
            return set(self._logs.agents)
        if kind == "agent":
            return {value}
        return self._roles.get(value, set()) if kind == "role" else self._in_group(value)

    def _in_group(self, group: str) -> set[str]:
        """Return the agents in a group, nested groups resolved; a cycle is harmless."""
        meant, seen, waiting = set[str](), {group}, [group]
        while waiting:
            for kind, value in self._members.get(waiting.pop(), ()):
                if kind == "group" and value not in seen:
                    seen.add(value)
                    waiting.append(value)
                elif kind != "group":
                    meant |= self._meant(kind, value)
        return meant


# --- threads and sessions ---------------------------------------------------------------------------------------------


def _join_threads(logs: GoLogs) -> None:
    """Give a message the thread of its first answer: the Go program noted it for the parent in its database only."""
    for message in logs.messages.values():
        parent = logs.messages.get(message.reply_to or "")
        if parent is not None and parent.thread is None:
            parent.thread = message.thread
    for message in logs.messages.values():
        parent = logs.messages.get(message.reply_to or "")
        if parent is not None and message.thread is None:
            message.thread = parent.thread


def _close_sessions(logs: GoLogs) -> None:
    """End each open session at the start of the agent's next: only the last one can go on."""
    following: dict[str, tuple[int, str]] = {}
    for session in sorted(logs.sessions.values(), key=lambda session: session.ms, reverse=True):
        if session.end is None and session.agent in following:
            ms, event = following[session.agent]
            session.end = ms, f"{event}/before", "crash_recovered"
        following[session.agent] = session.ms, session.event
