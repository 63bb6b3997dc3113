"""What the tools return, as data. The text beside it says the same (texts.py): some clients show a model only this,
others only the text. Every string that came from another agent was made safe to show before it got here.
"""

from __future__ import annotations

from typing import Any, Literal

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """Frozen; absent fields are left out instead of being null."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Sent(Shape):
    """A message that is durable and delivered."""

    status: Literal["delivered"] = "delivered"
    message_id: str
    resolved_to: int = Field(description="How many agents received it")
    recipients: list[str]
    warnings: list[str] | None = None


class Broadcast(Shape):
    """A message to every other agent."""

    status: Literal["sent"] = "sent"
    sent_to: list[str]
    total_sent: int
    message_ids: list[str]
    resolved_to: int = Field(description="How many agents received it")
    warnings: list[str] | None = None


class Message(Shape):
    """A message for this agent. `content` is what the other agent wrote, no more to be trusted than that agent is."""

    message_id: str
    from_: str = Field(validation_alias="from", serialization_alias="from")
    content: str
    timestamp: str
    to: list[str] | None = None
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None
    shortened_from: int | None = Field(default=None, description="Characters of the whole text, where it was cut")


class Checked(Shape):
    """The oldest unread messages; marked as read once this was written."""

    status: Literal["messages", "empty"]
    messages: list[Message]
    remaining: int = Field(description="Unread messages left; call again for them")
    next: str


class Waited(Shape):
    """What ended the wait."""

    status: Literal["message_received", "timeout"]
    message: Message | None = None
    remaining: int = Field(description="Unread messages left; check_messages returns them")
    waited_seconds: int
    next: str


class Agent(Shape):
    """A registered agent."""

    name: str
    role: str
    module: str | None = None
    display: str | None = None
    status: Literal["active", "offline"]
    last_seen_at: str
    waiting: bool | None = Field(default=None, description="Listens at this moment")
    you: bool | None = None


class Agents(Shape):
    """The registered agents."""

    agents: list[Agent]
    count: int


class GroupCreated(Shape):
    """A group that exists now."""

    group_id: str
    name: str


class GroupDeleted(Shape):
    """A group that is gone."""

    name: str
    status: Literal["deleted"] = "deleted"


class Member(Shape):
    """A direct member of a group."""

    member_type: Literal["agent", "role", "group"]
    member_value: str


class Membership(Member):
    """A change of a group's direct members."""

    group: str
    status: Literal["added", "removed", "unchanged"]


class GroupLine(Shape):
    """A group in a list."""

    name: str
    description: str | None = None
    member_count: int


class Groups(Shape):
    """All groups."""

    groups: list[GroupLine]
    count: int


class Group(Shape):
    """A group with its members; `expanded` names the agents that a message to it reaches."""

    name: str
    description: str | None = None
    members: list[Member]
    expanded: list[str] | None = None


def said(shape: Shape, text: str) -> CallToolResult:
    """Both forms of one result."""
    data = shape.model_dump(mode="json", by_alias=True, exclude_none=True)
    return CallToolResult(content=[TextContent(text=text)], structured_content=data)
