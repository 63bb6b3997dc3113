"""The conversation of `thrum demo`, as it happens: two real MCP servers, each behind the official SDK's client."""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Any, TextIO, cast

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from thrum_cli.terminal.output import width
from thrum_cli.terminal.text import bold, cut, dim
from thrum_store.printable import safe_line

from . import stage
from .stage import LIMIT, Actor, DemoFailed, Shown

Say = Callable[[str], None]
_SERVE = ["-P", "-m", "thrum_cli.main", "mcp", "serve"]
_LOOK = 0.02  # seconds between two looks at whether somebody waits
_ID = 13  # letters of an id that are shown


class Player:
    """An agent with its MCP server; everything it says and hears is shown."""

    def __init__(self, actor: Actor, client: Client, say: Say) -> None:
        self.actor = actor
        self._client = client
        self._say = say

    async def tools(self) -> int:
        """How many tools its server offers."""
        return len((await self._client.list_tools()).tools)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool and returns the data of its answer."""
        result = await self._client.call_tool(tool, arguments)
        if result.is_error or result.structured_content is None:
            raise DemoFailed(f"{tool} failed: {result.content}", hint="run it again; if it stays, report it")
        told: dict[str, Any] = result.structured_content
        return told

    async def shows(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Like `call`, and shows the call."""
        told = ", ".join(f"{name}={_brief(value)}" for name, value in arguments.items())
        self.tells(f"{bold(tool)}({told})")
        return await self.call(tool, **arguments)

    def tells(self, text: str) -> None:
        """Shows a line under its name."""
        self._say(f"  {self.actor.name:<8} {text}")

    def hears(self, message: dict[str, Any], how: str = "") -> None:
        """Shows a message that reached it."""
        told = f"@{safe_line(message['from'])}: {safe_line(message['content'])}"
        self._say(f"  {'':<8} ← {told}{dim(how)}")


def _brief(value: object) -> str:
    text = safe_line(str(value))
    shown = f"{text[:_ID]}…" if text.startswith("msg_") else text
    return repr(shown) if isinstance(value, str) else shown


def run(scratch: str, say: Say) -> Shown:
    """Plays the whole conversation in the directory `scratch`. Raises DemoFailed."""
    logging.getLogger().addHandler(logging.NullHandler())  # what went wrong is said once, by the door
    try:
        return anyio.run(_within_limit, scratch, say)
    except BaseExceptionGroup as group:
        raise _first(cast("BaseException", group)) from None


def _first(error: BaseException) -> BaseException:
    """The error itself: task groups wrap whatever leaves them."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])
    return error


async def _within_limit(scratch: str, say: Say) -> Shown:
    try:
        with anyio.fail_after(LIMIT):
            return await _play(scratch, say)
    except TimeoutError:
        raise DemoFailed(
            f"it was not over after {LIMIT:.0f} seconds", hint="run it again on a calmer machine"
        ) from None


async def _play(scratch: str, say: Say) -> Shown:
    began = monotonic()
    say(f"\n{bold('1  A repository with two worktrees, an agent in each')}")
    actors = await anyio.to_thread.run_sync(stage.build, scratch)
    for actor in actors:
        say(f"  {actor.name:<8} role {actor.role}, in {actor.root}")
    say(f"\n{bold('2  Each starts its own MCP server; no other process runs')}")
    with tempfile.TemporaryFile("w") as errors:
        begun = monotonic()
        async with _connected(actors[0], errors) as one, _connected(actors[1], errors) as other:
            planner, builder = Player(actors[0], one, say), Player(actors[1], other, say)
            tools, first = await planner.tools(), (monotonic() - begun) * 1000
            for player in (planner, builder):
                player.tells(f"thrum mcp serve: {await player.tools()} tools")
            wakes, told = await _talk(planner, builder, say)
            told.append(await _group(planner, builder, say))
    statuses = _receipts(actors[0], told, say)
    seen = _disk(actors, say)
    return Shown(tools, round(first, 1), tuple(wakes), tuple(told), statuses, seen, round(monotonic() - began, 2))


def _connected(actor: Actor, errors: TextIO) -> AbstractAsyncContextManager[Client]:
    parameters = StdioServerParameters(command=sys.executable, args=_SERVE, cwd=actor.root)
    return Client(stdio_client(parameters, errlog=errors))


async def _talk(planner: Player, builder: Player, say: Say) -> tuple[list[float], list[str]]:
    """A question and its answer: how many milliseconds after each send the waiting one had it, and the ids."""
    say(f"\n{bold('3  builder waits, planner asks')}")
    first, question = await _exchange(planner, builder, content="Can you take the parser?")
    say(f"\n{bold('4  planner waits, builder answers')}")
    second, answer = await _exchange(builder, planner, content="Yes, I have started.", reply_to=question)
    return [first, second], [question, answer]


async def _exchange(speaker: Player, waiter: Player, **said: str) -> tuple[float, str]:
    """One waits, the other sends; how many milliseconds later the first one has it, and the message's id."""
    heard: dict[str, Any] = {}
    begun = 0.0

    async def listen() -> None:
        heard.update(await waiter.shows("wait_for_message", timeout=10))
        heard["at"] = monotonic()

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        while not await _waits(speaker, waiter):  # noqa: ASYNC110 - it is another process that gets ready
            await anyio.sleep(_LOOK)
        begun = monotonic()
        await speaker.shows("send_message", to=f"@{waiter.actor.name}", **said)
    wake = round((heard["at"] - begun) * 1000, 1)
    waiter.hears(heard["message"], f"   {wake} ms after the call to send it")
    return wake, str(heard["message"]["message_id"])


async def _waits(planner: Player, other: Player) -> bool:
    known = (await planner.call("list_agents"))["agents"]
    return any(agent.get("waiting") for agent in known if agent["name"] == other.actor.name)


async def _group(planner: Player, builder: Player, say: Say) -> str:
    """A message to everybody with a role, through a group."""
    say(f"\n{bold('5  A group')}")
    await planner.shows("create_group", name="crew")
    await planner.shows("add_group_member", group="crew", member_type="role", member_value=builder.actor.role)
    sent = await planner.shows("send_message", to="@crew", content="Release at five.")
    planner.tells(f"reached {', '.join('@' + name for name in sent['recipients'])}")
    for message in (await builder.shows("check_messages"))["messages"]:
        builder.hears(message)
    return str(sent["message_id"])


def _receipts(planner: Actor, told: list[str], say: Say) -> tuple[str, ...]:
    say(f"\n{bold('6  What planner can see of its messages: thrum sent')}")
    statuses: list[str] = []
    for message_id in (told[0], told[-1]):
        for who in stage.receipts(planner, message_id):
            say(f"  {message_id}  @{who.agent_id}: {bold(who.status)} (read at {who.read_at})")
            statuses.append(who.status)
    return tuple(statuses)


def _disk(actors: tuple[Actor, Actor], say: Say) -> int:
    """Shows where the events lie, and how many there are."""
    say(f"\n{bold('7  What lies on the disk: a log for each agent, on a branch of its own')}")
    logs = [stage.log_of(actor) for actor in actors]
    for actor, log in zip(actors, logs, strict=True):
        say(f"  {actor.name:<8} {len(log.lines)} events in {log.folder}/")
        say(f"  {'':<8}   {log.file}")
    line = next(line for line in logs[0].lines if "message.create" in line)
    say(f"  {'':<8} {dim(cut(safe_line(line), width() - 11))}")
    return sum(len(log.lines) for log in logs)
