"""The conversation of `thrum demo`, shown as it happens: two real MCP servers, each with the official SDK's client."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TextIO, cast

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from thrum_cli.terminal.output import bold, dim, green, shorten, width, wrap
from thrum_store.machine.host import REAL
from thrum_store.values import NamedTuple, safe_line

from . import stage
from .stage import LIMIT, Actor, DemoFailed, Shown

Say = Callable[[str], None]
_SERVE = ["-P", "-m", "thrum_cli.main", "mcp", "serve"]
_PAUSE = 0.02  # seconds between two checks whether an agent waits
_ID = 9  # letters of an id that are shown
_MARGIN = 11  # columns before a text: two blanks and a name
_INDENT = 4  # columns before the later lines of a text


class Sent(NamedTuple):
    """A message that was sent: its id and its text."""

    id: str
    content: str


class Player:
    """An agent with its MCP server; its calls and the messages that it gets are shown."""

    def __init__(self, actor: Actor, client: Client, say: Say) -> None:
        self.actor = actor
        self._client = client
        self._say = say

    async def tools(self) -> int:
        """Return the number of tools that its server offers."""
        return len((await self._client.list_tools()).tools)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and return its structured result. Raises DemoFailed."""
        result = await self._client.call_tool(tool, arguments)
        if result.is_error or result.structured_content is None:
            raise DemoFailed(f"{tool} failed: {result.content}", hint="run it again; if it fails again, report it")
        fields: dict[str, Any] = result.structured_content
        return fields

    async def show_call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Show a call, make it and return its result."""
        listed = ", ".join(f"{name}={_brief(value)}" for name, value in arguments.items())
        self.show(f"{tool}({listed})", bold_until=len(tool))
        return await self.call(tool, **arguments)

    def show(self, text: str, bold_until: int = 0) -> None:
        """Show a text beside the agent's name, its beginning in bold."""
        first, *rest = wrap(text, width() - _MARGIN - _INDENT)
        self._say(f"  {self.actor.name:<9}{bold(first[:bold_until])}{first[bold_until:]}")
        for line in rest:
            self._say(" " * (_MARGIN + _INDENT) + line)

    def show_message(self, message: dict[str, Any], note: str = "") -> None:
        """Show a message that the agent received."""
        text = f"← @{safe_line(message['from'])}: {safe_line(message['content'])}"
        self._say(f"  {self.actor.name:<9}{green(text)}" + (f"  {dim(note)}" if note else ""))


def _brief(value: object) -> str:
    text = safe_line(str(value))
    shown = f"{text[:_ID]}…" if text.startswith("msg_") else text
    return repr(shown) if isinstance(value, str) else shown


def run(scratch: str, say: Say) -> Shown:
    """Play the whole conversation in the directory `scratch`. Raises DemoFailed."""
    logging.getLogger().addHandler(logging.NullHandler())  # the SDK logs errors that the caller reports once
    say(f"{bold('Two agents talk in a scratch repository')}  {dim(scratch)}")
    try:
        return anyio.run(_within_limit, scratch, say)
    except BaseExceptionGroup as group:
        raise _first(cast("BaseException", group)) from None


def _first(error: BaseException) -> BaseException:
    """Return the error itself: task groups wrap every error that leaves them."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])
    return error


async def _within_limit(scratch: str, say: Say) -> Shown:
    try:
        with anyio.fail_after(LIMIT):
            return await _play(scratch, say)
    except TimeoutError:
        message = f"the demonstration was not finished after {LIMIT:.0f} seconds"
        raise DemoFailed(message, hint="run it again when the machine is less busy") from None


async def _play(scratch: str, say: Say) -> Shown:
    began = REAL.clock.monotonic()
    _heading(say, "1  One repository, two worktrees, an agent in each")
    actors = await anyio.to_thread.run_sync(stage.build, scratch)
    for actor in actors:
        say(f"  {actor.name:<9}{actor.role}, in {actor.root.removeprefix(scratch).lstrip('/')}/")
    _heading(say, "2  Each agent has its own MCP server; no other process runs")
    with tempfile.TemporaryFile("w") as errors:
        begun = REAL.clock.monotonic()
        async with _connected(actors[0], errors) as first, _connected(actors[1], errors) as second:
            planner, builder = Player(actors[0], first, say), Player(actors[1], second, say)
            tools, ready = await planner.tools(), (REAL.clock.monotonic() - begun) * 1000
            for player in (planner, builder):
                player.show(f"thrum mcp serve: {await player.tools()} tools", bold_until=len("thrum mcp serve"))
            wakes, messages = await _talk(planner, builder, say)
            messages.append(await _group(planner, builder, say))
    statuses = _receipts(actors[0], messages, say)
    events = _logs(actors, say)
    seconds = round(REAL.clock.monotonic() - began, 2)
    return Shown(tools, round(ready, 1), tuple(wakes), tuple(sent.id for sent in messages), statuses, events, seconds)


def _heading(say: Say, text: str) -> None:
    say(f"\n{bold(text)}")


def _connected(actor: Actor, errors: TextIO) -> AbstractAsyncContextManager[Client]:
    parameters = StdioServerParameters(command=sys.executable, args=_SERVE, cwd=actor.root)
    return Client(stdio_client(parameters, errlog=errors))


async def _talk(planner: Player, builder: Player, say: Say) -> tuple[list[float], list[Sent]]:
    """Play a question and its answer; return for both the milliseconds from sending to receiving, and the messages."""
    _heading(say, "3  builder waits for mail, planner asks a question")
    first, question = await _exchange(planner, builder, content="Can you take the parser?")
    _heading(say, "4  planner waits, builder answers")
    second, answer = await _exchange(builder, planner, content="Yes, I have started.", reply_to=question.id)
    return [first, second], [question, answer]


async def _exchange(speaker: Player, waiter: Player, **fields: str) -> tuple[float, Sent]:
    """Send a message to an agent that waits; return the milliseconds until it has the message, and the message."""
    received: dict[str, Any] = {}
    begun = 0.0

    async def wait() -> None:
        received.update(await waiter.show_call("wait_for_message", timeout=10))
        received["at"] = REAL.clock.monotonic()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        while not await _waits(speaker, waiter):  # noqa: ASYNC110 - another process gets ready
            await anyio.sleep(_PAUSE)
        begun = REAL.clock.monotonic()
        await speaker.show_call("send_message", to=f"@{waiter.actor.name}", **fields)
    wake = round((received["at"] - begun) * 1000, 1)
    message = received["message"]
    waiter.show_message(message, f"{wake} ms after the call")
    return wake, Sent(str(message["message_id"]), str(message["content"]))


async def _waits(speaker: Player, waiter: Player) -> bool:
    agents = (await speaker.call("list_agents"))["agents"]
    return any(agent.get("waiting") for agent in agents if agent["name"] == waiter.actor.name)


async def _group(planner: Player, builder: Player, say: Say) -> Sent:
    """Play a message to a group whose members are all agents with a role."""
    _heading(say, "5  planner writes to a group: every implementer")
    await planner.show_call("create_group", name="crew")
    await planner.show_call("add_group_member", group="crew", member_type="role", member_value=builder.actor.role)
    content = "Release at five."
    sent = await planner.show_call("send_message", to="@crew", content=content)
    for message in (await builder.show_call("check_messages"))["messages"]:
        builder.show_message(message)
    return Sent(str(sent["message_id"]), content)


def _receipts(planner: Actor, messages: list[Sent], say: Say) -> tuple[str, ...]:
    _heading(say, "6  planner looks up who has read its messages")
    statuses: list[str] = []
    for sent in (messages[0], messages[-1]):
        for recipient in stage.receipts(planner, sent.id):
            time = (recipient.read_at or "")[11:19]
            say(f"  @{recipient.address} {green(recipient.status)} (read at {time}): {safe_line(sent.content)}")
            statuses.append(recipient.status)
    return tuple(statuses)


def _logs(actors: tuple[Actor, Actor], say: Say) -> int:
    """Show where the events are stored; return their number."""
    _heading(say, "7  The messages are lines in git's own folder: a log for each agent")
    logs = [stage.log_of(actor) for actor in actors]
    for actor, log in zip(actors, logs, strict=True):
        say(f"  {actor.name:<9}{len(log.lines)} events in {log.folder}/")
        say(f"{'':{_MARGIN}}{log.file}")
    line = next(line for line in logs[0].lines if "message.create" in line)
    say(f"{'':{_MARGIN}}{dim(shorten(safe_line(line), width() - _MARGIN))}")
    return sum(len(log.lines) for log in logs)
