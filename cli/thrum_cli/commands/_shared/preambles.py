"""The default preamble of an agent, and the reading of notes from files."""

from __future__ import annotations

from typing import BinaryIO

from thrum_store.errors import Invalid
from thrum_store.service.team import contexts

_ROLES = {
    "coordinator": "You coordinate: divide the work, keep the others from waiting, and see that it fits together.",
    "implementer": "You implement: build what was agreed, small and tested, and report when it is ready for review.",
    "planner": "You plan: work out what has to be done, in which order, and which questions are open.",
    "researcher": "You research: find out what is true, name your sources, and report what you could not verify.",
    "reviewer": "You review: read what others built, try it, and say exactly what has to change.",
    "tester": "You test: try to break what others built, and report what you did and what happened.",
    "deployer": "You deploy: bring finished work to where it runs, and roll it back if it fails.",
    "documenter": "You document: write what a user needs, and check that it is correct.",
    "monitor": "You monitor: notice what stops or goes wrong, and tell the agents it concerns.",
}
_RULES = """\
## How you work with the others

1. Check your inbox when you start, and whenever you finish a piece of work: `thrum inbox --unread`.
2. Answer messages that need an answer (`thrum reply MSG_ID "…"`), and mark the rest: `thrum message read --all`.
3. Write to a name (`--to @builder`) rather than to everybody.
4. Before you change a file that others may be editing: `thrum who-has FILE`.
5. Tell the others what you do (`thrum session set-intent "…"`), and report your state: `thrum session heartbeat`.
6. Save your notes before they are lost: `thrum context save --file notes.md`. `thrum prime` brings them back.
"""


def default_preamble(name: str, role: str) -> str:
    """Return the preamble for a name and a role, with a sentence for the role if it is a known one."""
    duty = f"{_ROLES[role]}\n\n" if role in _ROLES else ""
    suffix = f", {role}" if role else ""
    return f"# You are @{name}{suffix}\n\n{duty}{_RULES}"


def text_of(source: BinaryIO) -> str:
    """Return the text of a file of notes. Raises Invalid if it is too long, not UTF-8, or not open for reading."""
    data = b""
    try:
        data = source.read(contexts.LIMIT + 1)
        return data.decode()
    except OSError as error:
        raise Invalid(f"the notes cannot be read: {error.strerror}", hint=contexts.HOW_TO_SAVE) from error
    except UnicodeDecodeError:
        if len(data) > contexts.LIMIT:
            raise Invalid(f"more than {contexts.LIMIT:,} bytes", hint="save a shorter text") from None
        raise Invalid("the text is not valid UTF-8", hint="convert it, for example with iconv") from None
