"""The contents of the Go program's logs: agents, sessions, groups and messages, in our terms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .go_names import Names


class Registration(NamedTuple):
    """An agent's registration, at a time, by the event `event`."""

    ms: int
    event: str
    data: dict[str, str]


@dataclass
class Agent:
    """An agent with its registrations, and its last work as it reported that. `id`: in the Go program."""

    id: str
    name: str
    registrations: list[Registration] = field(default_factory=list[Registration])
    work: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def role(self) -> str:
        """The role of its last registration."""
        return self.registrations[-1].data["role"] if self.registrations else ""


@dataclass
class Session:
    """A session of an agent; `end` holds time, event and reason."""

    id: str
    agent: str
    ms: int
    event: str
    end: tuple[int, str, str] | None = None


class Change(NamedTuple):
    """An edit of a message, or its deletion with `content` None."""

    ms: int
    event: str
    content: str | None
    structured: dict[str, Any] | None = None
    reason: str = ""


@dataclass
class Message:
    """A message with its changes and readers. `to`: addresses; `recipients` None: nobody wrote down who got it."""

    id: str
    author: str
    ms: int
    event: str
    content: str
    format: str
    to: list[tuple[str, str]]
    recipients: list[str] | None
    scopes: list[tuple[str, str]]
    refs: list[tuple[str, str]]
    thread: str | None
    reply_to: str | None
    structured: dict[str, Any] | None
    session: str
    changes: list[Change] = field(default_factory=list[Change])
    readers: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def deleted(self) -> bool:
        """True if its last state is that it was deleted."""
        return any(change.content is None for change in self.changes)


class GroupChange(NamedTuple):
    """A step in the life of a group, `kind` as the event's type; `member` as (type, value)."""

    ms: int
    event: str
    kind: str
    group: str
    by: str
    member: tuple[str, str] = ("", "")


@dataclass
class GoLogs:
    """The contents of all logs. `groups`: names by id; `removed`: agents with the time of their last removal."""

    names: Names
    agents: dict[str, Agent] = field(default_factory=dict[str, Agent])
    sessions: dict[str, Session] = field(default_factory=dict[str, Session])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    groups: dict[str, str] = field(default_factory=dict[str, str])
    descriptions: dict[str, str] = field(default_factory=dict[str, str])
    group_changes: list[GroupChange] = field(default_factory=list[GroupChange])
    removed: dict[str, int] = field(default_factory=dict[str, int])
    purged_ms: int = -(1 << 53)
    unreadable: list[str] = field(default_factory=list[str])
    unknown: Counter[str] = field(default_factory=Counter[str])

    @property
    def invalid(self) -> int:
        """The number of lines and events that cannot be understood."""
        return len(self.unreadable)
