"""A process of its own that speaks through the services, and says what was acknowledged: one line of JSON each.

    python tests/faults/speaker.py REPOSITORY NAME JOB [ARGUMENT…]

A line leaves by one `write` to a pipe, so it is whole or not there, whatever becomes of the process after it.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from thrum_store.errors import ThrumError
from thrum_store.identity import Caller
from thrum_store.log.segments import Shard
from thrum_store.machine.storage_errors import FileLimit
from thrum_store.repository import paths
from thrum_store.service.messages import editing, handover, sending
from thrum_store.service.messages import inbox as mailbox
from thrum_store.service.messages.editing import MarkRead
from thrum_store.service.messages.inbox import ReadInbox
from thrum_store.service.messages.sending import SendMessage
from thrum_store.store import Store, open_store

BEGIN = "/thrum-begins"  # no such file; asking for it marks in a trace where the job begins


def tell(**fields: object) -> None:
    """Acknowledge something to the process that started this one."""
    os.write(1, json.dumps(fields).encode() + b"\n")


def send(store: Store, caller: Caller, *to: str) -> None:
    """Send one message."""
    tell(id=sending.send(store, caller, SendMessage("one", to=to)).header.id)


def chatter(store: Store, caller: Caller, count: str, *places: str) -> None:
    """Send so many messages to what chance draws from `places`, itself aside; 0 means without end."""
    draw = random.Random(caller.name)
    places = tuple(place for place in places if place != caller.name)
    sent = 0
    while sent < int(count) or count == "0":
        to = tuple(draw.sample(places, draw.randint(1, min(3, len(places)))))
        scopes = ("module:auth",) if draw.random() < 0.5 else ()
        message = sending.send(store, caller, SendMessage(f"{caller.name} {sent}", to=to, scopes=scopes))
        tell(id=message.header.id, recipients=[recipient.address for recipient in message.recipients])
        sent += 1


def anew(store: Store, caller: Caller, count: str, *places: str) -> None:
    """Like `chatter`, and opens the store for each message, as one command after another would; reads as well."""
    draw = random.Random(caller.name)
    places = tuple(place for place in places if place != caller.name)
    for number in range(int(count)):
        with open_store(store.paths) as opened:
            message = sending.send(opened, caller, SendMessage(f"{caller.name} {number}", to=(draw.choice(places),)))
            tell(id=message.header.id, recipients=[recipient.address for recipient in message.recipients])
            mailbox.inbox(opened, caller, ReadInbox(unread=True))
            editing.mark_read(opened, caller, MarkRead(everything=True))


def poll(store: Store, caller: Caller, limit: str) -> None:
    """Take mail as a tool call does: reserve, answer, acknowledge."""
    taken = handover.check(store, caller, int(limit))
    tell(taken=[mail.header.id for mail in taken.messages])
    handover.acknowledge(store, caller, taken)
    tell(acknowledged=True)


def cramped(store: Store, caller: Caller, to: str) -> None:
    """Try to send with room for no byte, one byte, two … until it fits."""
    log = Path(store.log.segment(Shard(store.own, caller.name), 1))
    size = log.stat().st_size
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in range(4096):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            message = sending.send(store, caller, SendMessage("one", to=(to,)))
        except FileLimit as error:
            tell(refused=error.code, grew=log.stat().st_size - size)
        else:
            tell(id=message.header.id)
            return
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


JOBS: dict[str, Callable[..., None]] = {
    "send": send,
    "chatter": chatter,
    "anew": anew,
    "poll": poll,
    "cramped": cramped,
}


def main() -> int:
    """Do the job; return 1 and print the error's code if the store refuses."""
    repository, name, job, *arguments = sys.argv[1:]
    with suppress(FileNotFoundError):
        os.open(BEGIN, os.O_RDONLY)
    try:
        with open_store(paths.initialized(repository)) as store:
            JOBS[job](store, Caller(name, worktree="main"), *arguments)
    except ThrumError as error:
        tell(error=error.code, message=error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
