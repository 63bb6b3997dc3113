"""Results of the tools, as structured data. The text beside it says the same: a model may see only one of the two.

A result is made from the service's result of the same field names. Its string types make other agents' text safe to
show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from mcp_types import CallToolResult, TextContent
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, JsonValue

from thrum_store.service.messages.handover import CONTENT_BUDGET
from thrum_store.values import safe_line, safe_text

if TYPE_CHECKING:
    from thrum_store.service.messages.editing import Message as StoredMessage
    from thrum_store.service.messages.handover import Mail
    from thrum_store.service.messages.inbox import InboxMessage

EXCERPT = 8_000  # characters of one message in a list


def _safe(value: JsonValue) -> JsonValue:
    """Return a JSON value with all its strings made safe to show."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, dict):
        return {safe_line(key): _safe(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_safe(entry) for entry in value]
    return value


Line = Annotated[str, AfterValidator(safe_line)]
OptionalLine = Annotated[str | None, AfterValidator(lambda text: safe_line(text) if text else None)]
Text = Annotated[str, AfterValidator(safe_text)]
Data = Annotated[dict[str, Any] | None, AfterValidator(lambda data: _safe(data) if data else None)]
Mark = Annotated[bool | None, AfterValidator(lambda value: value or None)]
"""A boolean that is left out unless it is true."""
Warnings = Annotated[list[Line] | None, AfterValidator(lambda warnings: warnings or None)]


class Result(BaseModel):
    """A frozen result; absent fields are left out instead of being null."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, from_attributes=True)

    @classmethod
    def of(cls, result: object) -> Self:
        """Return a service's result with the fields that a model is shown."""
        return cls.model_validate(result)


class Sent(Result):
    """A message that is stored durably and delivered."""

    status: Literal["delivered"] = "delivered"
    message_id: str
    resolved_to: int = Field(description="How many agents received it")
    recipients: list[Line]
    warnings: Warnings = None


class Broadcast(Result):
    """A message to every other agent."""

    status: Literal["sent"] = "sent"
    sent_to: list[str]
    total_sent: int
    message_ids: list[str]
    resolved_to: int = Field(description="How many agents received it")
    warnings: Warnings = None


class Message(Result):
    """A message for this agent. `content` is another agent's text, to be trusted no more than that agent."""

    message_id: str
    from_: Line = Field(validation_alias="from", serialization_alias="from")
    content: Text
    timestamp: str
    to: list[Line] | None = None
    reply_to: str | None = None
    metadata: Data = None
    shortened_from: int | None = Field(default=None, description="Characters of the whole text, if it was shortened")

    @classmethod
    def shown(cls, message: Mail | InboxMessage | StoredMessage, limit: int = CONTENT_BUDGET) -> Self:
        """Return a message with at most `limit` characters of its text."""
        header, content = message.header, message.content
        return cls(
            message_id=header.id,
            from_=header.author,
            content=content[:limit],
            timestamp=header.sent_at,
            to=[f"@{address.value}" for address in header.to] or None,
            reply_to=header.reply_to,
            metadata=message.structured,
            shortened_from=len(content) if len(content) > limit else None,
        )


class Checked(Result):
    """The oldest unread messages; they are marked as read after this answer was written."""

    status: Literal["messages", "empty"]
    messages: list[Message]
    remaining: int = Field(description="Unread messages left; call again for them")
    next: str


class Waited(Result):
    """The end of a wait: a message, or the time-out."""

    status: Literal["message_received", "timeout"]
    message: Message | None = None
    remaining: int = Field(description="Unread messages left; check_messages returns them")
    waited_seconds: int
    next: str


class Agent(Result):
    """A registered agent."""

    name: Line = Field(validation_alias=AliasChoices("name", "address", "agent_id"))
    role: Line
    module: OptionalLine = None
    display: OptionalLine = None
    status: Literal["active", "offline"]
    last_seen_at: str
    waiting: Mark = Field(default=None, description="Listens at this moment")
    you: Mark = None


class Agents(Result):
    """The registered agents."""

    agents: list[Agent]
    count: int


class GroupCreated(Result):
    """A new group."""

    group_id: str
    name: str


class GroupDeleted(Result):
    """A group that was deleted."""

    name: str
    status: Literal["deleted"] = "deleted"


class Member(Result):
    """A direct member of a group."""

    member_type: Literal["agent", "role", "group"]
    member_value: Line


class Membership(Member):
    """A change of a group's direct members."""

    group: str
    status: Literal["added", "removed", "unchanged"]


class GroupSummary(Result):
    """A group in a list."""

    name: str
    description: OptionalLine = None
    member_count: int


class Groups(Result):
    """All groups."""

    groups: list[GroupSummary]
    count: int


class Group(Result):
    """A group with its members; `expanded` names the agents that a message to it reaches."""

    name: str
    description: OptionalLine = None
    members: list[Member]
    expanded: list[Line] | None = None


def tool_result(result: Result, text: str) -> CallToolResult:
    """Return a result in both forms, as structured data and as text."""
    data = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    return CallToolResult(content=[TextContent(text=text)], structured_content=data)
