"""A wait that another process ends: bell first, then look, then sleep, so that no message slips in between."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from thrum_store.model import Caller
from thrum_store.wake import Bell

from . import shapes
from .delivery import Claimed, claim
from .door import Call, door, exchange

DEFAULT = 300
LONGEST = 600
_UNKNOWN = 240
_TICK = 1.0  # look at least once a second, for what came without a ring: from a process that died before it
_PROGRESS = 10.0  # seconds between two signs of life

# Clients give up on a call by themselves; a wait ends before. What the configuration says in THRUM_WAIT_MAX wins.
_PATIENCE = {
    "claude-code": LONGEST,
    "codex-mcp-client": 280,
    "amp-mcp-client": 280,
    "gemini-cli-mcp-client": 580,
    "augment-mcp-client": 580,
    "Cursor": 50,
}


@dataclass(frozen=True)
class Waited:
    """What ended a wait, after how many whole seconds."""

    messages: Sequence[shapes.Message]
    remaining: int
    seconds: int


def allowed(asked: int, call: Call) -> int:
    """The seconds to wait: what was asked (300 where that is not positive), at most 600 or what the client bears."""
    wanted = asked if asked > 0 else DEFAULT
    return min(wanted, LONGEST, _most(call))


def _most(call: Call) -> int:
    configured = os.environ.get("THRUM_WAIT_MAX", "")
    if configured.isascii() and configured.isdigit() and int(configured):
        return int(configured)
    client = call.session.client_params
    return _PATIENCE.get(client.client_info.name, _UNKNOWN) if client else _UNKNOWN


async def wait(call: Call, seconds: int) -> Waited:
    """The first unread message, waited for. Cancelling it gives back what it may have claimed."""
    bells, caller = await door(call).act(lambda store, caller: (store.paths.bells, caller))
    started = anyio.current_time()
    with Bell(bells, caller.name) as bell:
        claimed = await _look_until(call, caller, bell, seconds)
    return Waited(claimed.messages, claimed.remaining, int(anyio.current_time() - started))


async def _look_until(call: Call, caller: Caller, bell: Bell, seconds: int) -> Claimed:
    started = told = anyio.current_time()
    while True:
        bell.hush()
        claimed = await claim(door(call), exchange(call), 1, caller)
        left = started + seconds - anyio.current_time()
        if claimed.messages or left <= 0:
            return claimed
        with anyio.move_on_after(min(_TICK, left)):
            await anyio.wait_readable(bell.fd)
        if anyio.current_time() - told >= _PROGRESS:
            told = anyio.current_time()
            await call.report_progress(int(told - started), seconds, f"no message yet, {int(told - started)} s")
