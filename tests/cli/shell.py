"""Someone at a shell: runs `thrum` in this process, or the installed console script in one of its own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from thrum_cli.main import main

_CLIENTS = ("CLAUDECODE", "CODEX_THREAD_ID", "CURSOR_AGENT", "GEMINI_CLI", "AUGMENT_CONVERSATION_ID", "OPENCODE")
SCRIPT = str(Path(sys.executable).with_name("thrum"))
PATIENCE = 60.0  # seconds until a test gives up


@dataclass(frozen=True)
class Answer:
    """The exit code and the output of a command line."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its one JSON document; anything else beside it fails."""
        assert self.err == ""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """Return the `error` object of the JSON document."""
        fields: dict[str, Any] = self.data["error"]
        return fields


@dataclass(frozen=True)
class Shell:
    """A working directory and an environment without any THRUM_ variable but those given."""

    cwd: Path
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    def at(self, cwd: Path) -> Shell:
        """The same in another directory."""
        return replace(self, cwd=cwd)

    def having(self, **variables: str) -> Shell:
        """The same with more variables."""
        return replace(self, variables={**self.variables, **variables})

    def environ(self) -> dict[str, str]:
        """The whole environment."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("THRUM_") and name not in _CLIENTS
        }
        return {**inherited, **self.variables}

    def thrum(self, *arguments: str, stdin: bytes = b"", encoding: str = "utf-8") -> Answer:
        """Run a command line in this process."""
        out, err = io.TextIOWrapper(io.BytesIO(), encoding), io.TextIOWrapper(io.BytesIO(), encoding)
        with _in(self.cwd, self.environ()), _streams(io.TextIOWrapper(io.BytesIO(stdin)), out, err):
            code = main(arguments)
        return Answer(code, _written(out), _written(err))

    def ok(self, *arguments: str, stdin: bytes = b"") -> str:
        """Return the output of a command line, which must succeed."""
        answer = self.thrum(*arguments, stdin=stdin)
        assert (answer.code, answer.err) == (0, ""), answer
        return answer.out

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        """The JSON document of a command line that must succeed."""
        answer = self.thrum(*arguments, "--json", stdin=stdin)
        assert answer.code == 0, answer
        return answer.data

    def run(self, *arguments: str | bytes, stdin: bytes = b"", environ: dict[str, str] | None = None) -> Answer:
        """Run the installed script."""
        done = subprocess.run(
            [SCRIPT, *arguments],
            cwd=self.cwd,
            env=self.environ() if environ is None else environ,
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the installed script; the caller ends it."""
        return subprocess.Popen(
            [SCRIPT, *arguments],
            cwd=self.cwd,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=interruptible,
        )


def interruptible() -> None:
    """A child that a signal interrupts, whatever started the tests: a job in the background ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def git(where: Path, *arguments: str) -> str:
    """Run git without the user's settings; return its output."""
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=where,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    data = stream.buffer
    assert isinstance(data, io.BytesIO)
    return data.getvalue().decode(stream.encoding)


@contextmanager
def _in(cwd: Path, environ: dict[str, str]) -> Generator[None]:
    before, folder = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _streams(*replaced: io.TextIOWrapper) -> Generator[None]:
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = replaced
    try:
        yield
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
