"""A wait that another process ends: bell first, then look, then sleep, so that no message slips in between."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from thrum_mcp.caller import Call, door, exchange
from thrum_mcp.store_thread import Job
from thrum_store.machine.bells import Bell
from thrum_store.service.messages.handover import Handover

from . import results
from .delivery import hand_over
from .mail_wait import MailWait

DEFAULT = 300
LONGEST = 600
_UNKNOWN = 240
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

    messages: Sequence[results.Message]
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
    """The first unread message, waited for. Cancelling it gives back what it may have claimed.

    Raises as `Door.waiting_room`, and what a look raises.
    """
    bells, caller = await door(call).act(lambda store, caller: (store.paths.bells, caller))
    started = anyio.current_time()
    with door(call).waiting_room() as room, Bell(bells, caller.name) as bell:
        vigil = MailWait(caller, bell, seconds)
        kept = room.begin(vigil.keep)
        try:
            await _over(call, kept, seconds)
        finally:
            vigil.end()
            with anyio.CancelScope(shield=True):
                await kept.wait()
            claimed = hand_over(door(call), exchange(call), caller, kept.result())
    return Waited(claimed.messages, claimed.remaining, int(anyio.current_time() - started))


async def _over(call: Call, kept: Job[Handover], seconds: int) -> None:
    """Returns once the wait is over; reports progress until then."""
    started = anyio.current_time()
    while True:
        with anyio.move_on_after(_PROGRESS):
            await kept.wait()
            return
        passed = int(anyio.current_time() - started)
        await call.report_progress(passed, seconds, f"no message yet, {passed} s")
