"""Starter the command in a client's file as the client would: as a server, with a bare PATH and nothing of ours."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterable, Mapping

from thrum_store.repository.paths import Paths
from thrum_store.values import Record, compact, loads, safe_text

from . import files, planning
from .launcher import START, Launcher
from .starts import Start, starts_in

SERVE = ("mcp", "serve")
# The PATH of a program that was started from the desktop, by launchd or by systemd; on NixOS all is in the last one.
DESKTOP_PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin"
_PATIENCE, _DOWNLOAD = 30.0, 180.0  # seconds; the second if a tool has to install thrum first
_KEPT = ("HOME", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR")
_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}|\$(\w+)")
_REQUEST = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {},
               "clientInfo": {"name": "thrum-doctor", "version": "1"}},
}  # fmt: skip


class Starter:
    """Starter each command once, in the worktree and in a directory below it, and remembers why it failed."""

    def __init__(self, paths: Paths, environ: Mapping[str, str] = os.environ) -> None:
        self._places = [paths.root, *([paths.local] if os.path.isdir(paths.local) else [])]
        self._environ = environ
        self._known: dict[tuple[Launcher, ...], str] = {}

    def problem(self, start: Start) -> str:
        """Return why a command starts no server, in a sentence without its period; "" if it does."""
        words = command_of(start, self._environ)
        key = (words, *sorted(start.variables.items()))
        if key not in self._known:
            self._known[key] = self._started(words, start.variables)
        return self._known[key]

    def works(self, start: Start) -> bool:
        """Return whether a command starts a server."""
        return not self.problem(start)

    def _started(self, words: Launcher, variables: Mapping[str, str]) -> str:
        problems = [""] * len(self._places)

        def run(number: int) -> None:
            problems[number] = start_problem(words, self._places[number], variables, self._environ)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(self._places))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return next(filter(None, problems), "")


class Problem(Record):
    """A command that does not start, the files that name it, and a sentence about it without its period.

    `own`: it is the command that `thrum init` writes, and not the user's own.
    """

    files: tuple[str, ...]
    reason: str
    own: bool

    def __str__(self) -> str:
        return f"{', '.join(self.files)}: {self.reason}"


def file_problems(paths: Paths, names: Iterable[str], starter: Starter) -> tuple[Problem, ...]:
    """Return the commands in these files that do not start."""
    problems: dict[tuple[str, bool], dict[str, None]] = {}
    for name in names:
        for start in read_starts(paths, name):
            if reason := starter.problem(start):
                problems.setdefault((reason, start.words == START), {})[name] = None
    return tuple(Problem(tuple(listed), reason, own) for (reason, own), listed in problems.items())


def read_starts(paths: Paths, name: str) -> tuple[Start, ...]:
    """Return the commands of thrum in a file of the worktree; none if it cannot be read, which others report."""
    try:
        return starts_in(name, planning.decoded(files.read(os.path.join(paths.root, name)))[1])
    except (*planning.REFUSALS, OSError):
        return ()


def command_of(start: Start, environ: Mapping[str, str] = os.environ) -> Launcher:
    """Return the words of a server that this command starts; for a hook, those of the server of the same thrum."""
    rest = start.rest if start.rest and start.rest[0] != "hook" else SERVE
    words = (*start.words, *rest)
    return words if start.words == START else tuple(expanded(word, environ) for word in words)


def start_problem(words: Launcher, cwd: str, own: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """Return why a server does not start with these words in this directory, in a sentence; "" if it does.

    `own` are the variables that the client's file sets. A command that only starts with the user's PATH is a problem
    as well, because a client from the desktop does not have it.
    """
    kept = {name: environ[name] for name in _KEPT if name in environ}
    bare = _answer(words, cwd, {**kept, "PATH": DESKTOP_PATH, **own})
    if not bare or _answer(words, cwd, {**environ, **own}):
        return bare
    return f"a client that is started from the desktop (PATH={DESKTOP_PATH}) cannot start it: {bare}"


def expanded(word: str, environ: Mapping[str, str]) -> str:
    """Return a word with the variables that clients expand; an unknown one stays."""

    def _replacement(match: re.Match[str]) -> str:
        return environ.get(match[1] or match[3], match[0] if match[2] is None else match[2])

    return _VARIABLE.sub(_replacement, word)


def _answer(words: Launcher, cwd: str, environ: Mapping[str, str]) -> str:
    """Return "" if a server of thrum answers, else the reason in a sentence without its period."""
    request = compact(_REQUEST).encode() + b"\n"
    patience = _DOWNLOAD if "--from" in words or "--spec" in words else _PATIENCE
    try:
        done = subprocess.run(
            words, cwd=cwd, env=environ, input=request, capture_output=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{words[0]} did not answer in {patience:.0f} seconds"
    except OSError as error:
        return f"{words[0]} cannot be started: {error.strerror}"
    return "" if _is_thrum(done.stdout) else _reason(words, done)


def _is_thrum(output: bytes) -> bool:
    try:
        answer = loads(output.split(b"\n", 1)[0])
        return bool(answer["result"]["serverInfo"]["name"] == "thrum")
    except (ValueError, KeyError, TypeError):
        return False


def _reason(words: Launcher, done: subprocess.CompletedProcess[bytes]) -> str:
    """Return why a process gave no answer: the first error that it reports, or else its last line."""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if line.lstrip().lower().startswith("error")]
    reason = (errors or lines[-1:] or [f"it ended with {done.returncode} and no answer"])[0].strip()
    return f"{'the launcher' if words[: len(START)] == START else words[0]} does not start: {safe_text(reason)}"
