"""`thrum hook EVENT --runtime R`: what an agent's client runs at every turn and every tool call.

Mostly there is nothing to say. Then this module and `unread_probe` are all that is loaded, nothing is printed and
nothing is written. It never fails the agent's turn: whatever goes wrong is a line on standard error and exit code 0.
"""

from __future__ import annotations

import os
import select
import sys

from thrum_store.repository import unread_probe

_OFFERING = ("prompt", "post-tool", "stop")  # silent as long as there is no new mail
_PROJECT = ("CLAUDE_PROJECT_DIR", "AUGMENT_PROJECT_DIR", "GEMINI_PROJECT_DIR")
_SESSION = ("CLAUDE_CODE_SESSION_ID", "GEMINI_SESSION_ID", "AUGMENT_CONVERSATION_ID")
_PATIENCE_MS = 500  # for a client that opens standard input and says nothing
_INPUT_LIMIT = 16 * 1024 * 1024


def run(arguments: list[str]) -> int:
    """Answers one hook call on standard output. Returns 0, and 2 where that wakes the agent (`listen`)."""
    try:
        raw = _read()
        if arguments and arguments[0] in _OFFERING and _nothing_new(arguments, raw):
            return 0
        from .events import answer  # only where there is something to do

        return answer(arguments, raw, project(), session(raw))
    except Exception as error:  # noqa: BLE001 - the boundary: an agent's turn never fails because of us
        sys.stderr.write(f"thrum hook: {type(error).__name__}: {error}\n")
        return 0


def project() -> str:
    """The directory the client works in; an agent may have gone elsewhere since."""
    for variable in _PROJECT:
        if os.path.isdir(os.environ.get(variable, "")):
            return os.environ[variable]
    return os.getcwd()


def session(raw: bytes) -> str:
    """The client's id of this session; empty where it says none."""
    for key in (b'"conversation_id"', b'"session_id"'):
        _, found, rest = raw.partition(key)
        if found:
            return rest.partition(b'"')[2].partition(b'"')[0].decode("ascii", "replace")
    for variable in _SESSION:
        if variable in os.environ:
            return os.environ[variable]
    return ""


def _nothing_new(arguments: list[str], raw: bytes) -> bool:
    here = unread_probe.spot(project())
    if here is None:
        return True
    name = unread_probe.agent(here, os.environ.get("THRUM_NAME"))
    if not name:
        return True
    key = unread_probe.notes_key(name, session(raw))
    if arguments[0] == "prompt" and (
        os.path.exists(unread_probe.idle_mark(here.var, key))  # its listener has to end
        or os.path.exists(unread_probe.due_mark(here.var, key))
        or (arguments[-1].rpartition("=")[2] in unread_probe.LATE and not os.path.exists(unread_probe.notes(here, key)))
    ):
        return False
    view = unread_probe.generation(here)
    newest = unread_probe.newest_unread(here, view, name)
    if not newest:
        return newest is not None
    before = unread_probe.told(here, key)
    return before[0] == view and before[1] >= newest


def _read() -> bytes:
    """What the client says. Read to its end, so that the client is not left writing into a closed pipe."""
    if sys.stdin is None or os.isatty(0):
        return b""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    parts: list[bytes] = []
    size = 0
    while size < _INPUT_LIMIT and poll.poll(_PATIENCE_MS):
        part = os.read(0, 1 << 16)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)
