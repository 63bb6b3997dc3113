"""listen: print one line for each new message; a client's monitor runs it."""

from __future__ import annotations

from collections.abc import Iterator

from thrum_cli.command import App, Option, command
from thrum_cli.hooks import responses
from thrum_cli.hooks.entry import session
from thrum_cli.hooks.listening import Channel, arrivals, parent_lives
from thrum_cli.hooks.session import SessionFiles
from thrum_cli.terminal.output import human, tell
from thrum_store import values
from thrum_store.machine.host import REAL
from thrum_store.repository import unread_probe
from thrum_store.values import Record

_CHANNEL = Channel("monitor", "claude")  # the plugin's monitor runs this for a session


class Heard(Record):
    """Mail that arrived; `messages` are (id, sender) pairs."""

    address: str
    messages: tuple[tuple[str, str], ...]
    unread: int
    line: str

    JSON = "agent_id=address messages unread line"


@command(
    "listen",
    "thrum listen",
    "thrum listen --follow",
    options=(Option("--follow", "Continue after the first message, until the parent process ends."),),
)
def listen(app: App, follow: bool) -> Heard | None:
    """Print one line for each new message.

    Without --follow it ends after the first message. Each session of a client has one listener: a second listener ends
    at once. It marks nothing as read.
    """
    heard = _heard(app)
    if not follow:
        return next(heard, None)
    for mail in heard:
        tell(values.escaped(values.as_json(mail)) if app.json else mail.line)
    return None


def _heard(app: App) -> Iterator[Heard]:
    caller = app.caller
    files = SessionFiles(app.paths.var, unread_probe.session_key(caller.name, session(b"")), REAL)
    for offer in arrivals(app.paths, caller, files, parent_lives(), _CHANNEL):
        pairs = tuple((message.header.id, message.header.author) for message in offer.messages)
        yield Heard(caller.name, pairs, offer.unread, responses.signal(offer, caller.name))


@human.register(Heard)
def _line(mail: Heard) -> str:
    return mail.line
