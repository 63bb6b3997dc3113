"""The shapes that several results share. Their field names are the keys of `--json`, RPC and MCP alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from thrum_store.log.events import thread_of
from thrum_store.times import maybe_rfc3339, rfc3339
from thrum_store.view.queries.messages import Delivery, Row


@dataclass(frozen=True)
class Pair:
    """A scope, a ref or an address: what kind it is, and its value."""

    type: str
    value: str


@dataclass(frozen=True, eq=False, repr=False)
class Recipient:
    """Somebody a message went to, and how far it got: delivered, then read, and answered once they replied."""

    agent_id: str
    delivered_at: str
    read_at: str | None
    answered: bool

    @property
    def status(self) -> str:
        """delivered, read or answered."""
        if self.answered:
            return "answered"
        return "read" if self.read_at else "delivered"


@dataclass(frozen=True, eq=False, repr=False)
class Body:
    """What a message says. `structured` is any JSON object."""

    format: str
    content: str
    structured: dict[str, Any] | None = None


def body(row: Row) -> Body:
    """The body of a message."""
    return Body(row.format, row.content, json.loads(row.structured) if row.structured else None)


def pairs(told: str | None) -> tuple[Pair, ...]:
    """Tags or addresses as they are kept in the view."""
    return tuple(Pair(kind, value) for kind, value in json.loads(told)) if told else ()


def recipient(delivery: Delivery) -> Recipient:
    """A delivery as it is shown."""
    return Recipient(
        shown(delivery.name, delivery.store, own=delivery.own),
        rfc3339(delivery.delivered_ms),
        maybe_rfc3339(delivery.read_ms),
        bool(delivery.answered),
    )


def shown(name: str, store: str, *, own: bool) -> str:
    """An agent's name; one of another store carries the beginning of that store's id, so that it can be addressed."""
    return name if own else f"{name}@{store[:8]}"


def thread(row: Row) -> str:
    """The thread of a message; one that answers nothing begins its own."""
    return row.thread or thread_of(row.id)
