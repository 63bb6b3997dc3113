"""The preamble of an agent whose role has no template, and texts to keep read from files."""

from __future__ import annotations

from typing import BinaryIO

from thrum_store.errors import Invalid
from thrum_store.service.team import contexts

_ROLES = {
    "coordinator": "You coordinate: divide the work, keep the others from waiting, and see that it comes together.",
    "implementer": "You implement: build what was agreed, small and tested, and say when it is ready for review.",
    "planner": "You plan: work out what has to be done, in which order, and what is still open.",
    "researcher": "You research: find out what is true, say where you have it from, and what you could not verify.",
    "reviewer": "You review: read what others built, try it, and say exactly what has to change.",
    "tester": "You test: try to break what others built, and report what you did and what happened.",
    "deployer": "You deploy: bring what is finished to where it runs, and back where it fails.",
    "documenter": "You document: write what a user needs, and check that it is so.",
    "monitor": "You watch: notice what stands still or goes wrong, and tell whom it concerns.",
}


_RULES = """\
## How you work with the others

1. Look into your inbox when you start, and whenever a piece of work is done: `thrum inbox --unread`.
2. Answer what asks for an answer (`thrum reply MSG_ID "…"`), and mark the rest: `thrum message read --all`.
3. Write to a name (`--to @builder`) rather than to everybody.
4. Before you change a file that others may have: `thrum who-has FILE`.
5. Say what you do (`thrum session set-intent "…"`), and tell your state: `thrum session heartbeat`.
6. Save your notes before they are lost: `thrum context save --file notes.md`. `thrum prime` brings them back.
"""


def default_preamble(name: str, role: str) -> str:
    """What an agent should keep in mind, for its role where we know it."""
    said = f"{_ROLES[role]}\n\n" if role in _ROLES else ""
    known = f", {role}" if role else ""
    return f"# You are @{name}{known}\n\n{said}{_RULES}"


def text_of(source: BinaryIO) -> str:
    """What an agent keeps in mind, from a file. Raises Invalid where that is no text, or too much."""
    data = source.read(contexts.LIMIT + 1)
    try:
        return data.decode()
    except UnicodeDecodeError:
        if len(data) > contexts.LIMIT:
            raise Invalid(f"more than {contexts.LIMIT:,} bytes", hint="keep it short: it is for a new start") from None
        raise Invalid("the context is not valid UTF-8", hint="convert it, for example with iconv") from None
