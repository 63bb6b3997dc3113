"""Entry point of `thrum hook EVENT --runtime R`, which a client runs at every turn and every tool call.

Usually there is nothing to show. Then only this module and `unread_probe` are loaded, nothing is printed and nothing is
written. A hook never fails the agent's turn: any error is one line on standard error and exit code 0.
"""

from __future__ import annotations

import os
import select
import sys

from thrum_store.repository import unread_probe
from thrum_store.repository.paths import woken_mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.repository.paths import Paths

_SILENT_WITHOUT_MAIL = ("prompt", "post-tool", "stop")
_PROJECT = ("CLAUDE_PROJECT_DIR", "AUGMENT_PROJECT_DIR", "GEMINI_PROJECT_DIR")
_SESSION = ("CLAUDE_CODE_SESSION_ID", "GEMINI_SESSION_ID", "AUGMENT_CONVERSATION_ID")
_PATIENCE_MS = 500  # for a client that opens standard input and writes nothing
_INPUT_LIMIT = 16 * 1024 * 1024


def run(arguments: list[str]) -> int:
    """Answer one hook call on standard output. Return 0, or 2 where that wakes the agent (`listen`)."""
    try:
        raw = _read()
        if arguments and arguments[0] in _SILENT_WITHOUT_MAIL and _nothing_new(arguments, raw):
            return 0
        from .events import answer  # deferred: most calls end above

        return answer(arguments, raw, project(), session(raw))
    except Exception as error:  # noqa: BLE001 - the boundary: an agent's turn never fails because of us
        sys.stderr.write(f"thrum hook: {type(error).__name__}: {error}\n")
        return 0


def project() -> str:
    """Return the client's project directory; the agent itself may have changed to another one since."""
    for variable in _PROJECT:
        if os.path.isdir(os.environ.get(variable, "")):
            return os.environ[variable]
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return os.curdir


def session(raw: bytes) -> str:
    """Return the client's id of its session from its JSON or the environment, or an empty text."""
    for key in (b'"conversation_id"', b'"session_id"'):
        _, match, rest = raw.partition(key)
        if match:
            return rest.partition(b'"')[2].partition(b'"')[0].decode("ascii", "replace")
    for variable in _SESSION:
        if variable in os.environ:
            return os.environ[variable]
    return ""


def _nothing_new(arguments: list[str], raw: bytes) -> bool:
    """Return whether this hook has nothing to print or do. It reads only: no lock, no write."""
    location = unread_probe.location(project())
    if location is None:
        return True
    name = unread_probe.agent(location, os.environ.get("THRUM_NAME"))
    if not name:
        return True
    key = unread_probe.session_key(name, session(raw))
    if arguments[0] == "prompt" and _prompt_has_work(location, name, key, arguments[-1].rpartition("=")[2]):
        return False
    view = unread_probe.generation(location)
    newest = unread_probe.newest_unread(location, view, name, os.environ.get("THRUM_ROLE"))
    if not newest:
        return newest is not None
    known_view, known = unread_probe.shown(location.var, key)
    return known_view == view and known >= newest


def _prompt_has_work(location: Paths, name: str, key: str, runtime: str) -> bool:
    """Return whether a prompt has to stop a listener, brief the session or end a turn that a wake began."""
    return (
        os.path.exists(unread_probe.idle_mark(location.var, key))
        or os.path.exists(unread_probe.due_mark(location.var, key))
        or os.path.exists(location.in_var(woken_mark(name)))
        or (runtime in unread_probe.LATE and not os.path.exists(unread_probe.session_file(location.var, key)))
    )


def _read() -> bytes:
    """Read standard input to its end, so that the client never writes into a closed pipe. Return its beginning."""
    if sys.stdin is None or os.isatty(0):
        return b""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    parts: list[bytes] = []
    size = 0
    while poll.poll(_PATIENCE_MS) and (part := os.read(0, 1 << 16)):
        if size < _INPUT_LIMIT:
            parts.append(part)
            size += len(part)
    return b"".join(parts)
