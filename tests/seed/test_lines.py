"""Every command line of the text that thrum was written after, run as it stands, wherever somebody may stand."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import created
from tests.cli.shell import PATIENCE, SCRIPT, Answer, Shell, git
from tests.daemon.conftest import free_port

from .lines import FLAGS, QUICK_START, SYNOPSES, WORKFLOWS, Line, Synopsis

ALL = (*QUICK_START, *FLAGS, *(line for synopsis in SYNOPSES for line in synopsis.lines), *WORKFLOWS)
ROLES = {"alice": "implementer", "rob": "reviewer", "passing": "guest"}


class Scene:
    """Dora's shell, where the lines are run, and the worktrees of the agents that they name."""

    def __init__(self, shell: Shell, worktrees: Path) -> None:
        self.shell = shell.having(THRUM_WS_PORT=str(free_port()))
        self.worktrees = worktrees
        (shell.cwd / "session-notes.md").write_text("# Notes\n")

    def at(self, name: str) -> Shell:
        """Return the shell of another agent, who comes when it is first named."""
        shell = self.shell.at(self.worktrees / name)
        if not shell.cwd.exists():
            git(self.shell.cwd, "worktree", "add", "--quiet", "-b", f"of-{name}", str(shell.cwd))
            (shell.cwd / "auth.go").write_text("package auth\n")
            shell.ok("quickstart", "--name", name, "--role", ROLES[name], "--module", "api")
            shell.ok("session", "heartbeat")
        return shell

    def prepared(self, text: str) -> str:
        """Return a line with its placeholders filled in, when all that it presumes is there."""
        if self.shell.thrum("whoami").code == 0:
            self.at("alice")
            self.at("rob")
        if "passing" in text:
            git(self.shell.cwd, "worktree", "remove", "--force", str(self.at("passing").cwd))
        return re.sub(r"\$([A-Z]+)", lambda match: self.value(match[1]), text)

    def value(self, name: str) -> str:
        """Return the value of a placeholder."""
        if name == "GOT":
            names = ("--to", "@dora", "--mention", "@reviewer", "--scope", "module:api")
            return str(self.at("alice").json("send", "Which port?", *names)["message_id"])
        if name == "SENT":
            return str(self.shell.json("send", "Port 8443", "--to", "@alice")["message_id"])
        if name == "THREAD":
            return str(self.shell.json("reply", self.value("GOT"), "Port 8443")["thread_id"])
        if name == "SUBSCRIPTION":
            return str(self.shell.json("subscribe", "--scope", "module:ui")["subscription_id"])
        if name == "SESSION":
            return str(self.shell.json("whoami")["session_id"])
        assert name == "WORKTREE"
        git(self.shell.cwd, "worktree", "add", "--quiet", str(self.worktrees / "other"))
        return str(self.worktrees / "other")

    def run(self, line: Line) -> Answer:
        """Run a line in this process, as a shell would read it."""
        words = shlex.split(self.prepared(line.text), comments=True)
        shell, stdin = self.shell, b""
        if "<" in words:
            stdin = (shell.cwd / words.pop()).read_bytes()
            words.remove("<")
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            shell = shell.having(**{name: value})
        return shell.thrum(*words[1:], stdin=stdin)

    def type(self, line: Line) -> Answer:
        """Give a line to bash, which starts the installed command."""
        path = f"{Path(SCRIPT).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", self.prepared(line.text)],
            cwd=self.shell.cwd,
            env={**self.shell.environ(), "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


def fresh_repository(folder: Path) -> Shell:
    """A repository in which nobody has used thrum."""
    return created(folder)


def fresh_clone(folder: Path) -> Shell:
    """A clone of a repository whose messages are at its remote."""
    first = created(folder)
    origin = folder / "origin.git"
    git(folder, "clone", "--quiet", "--bare", str(first.cwd), str(origin))
    git(first.cwd, "remote", "add", "origin", str(origin))
    first.ok("quickstart", "--name", "elsewhere", "--role", "lead", "--module", "core")
    first.having(THRUM_LOCAL="0").ok("sync", "force")
    git(folder, "clone", "--quiet", str(origin), str(folder / "clone"))
    return Shell(folder / "clone")


def linked_worktree(folder: Path) -> Shell:
    """A worktree in which nobody has used thrum, of a repository in which thrum is set up."""
    main = created(folder)
    main.ok("init")
    git(main.cwd, "worktree", "add", "--quiet", str(folder / "linked"))
    return main.at(folder / "linked")


PLACES = (fresh_repository, fresh_clone, linked_worktree)


@pytest.fixture(params=PLACES, ids=lambda place: place.__name__)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """Dora's shell in each kind of place; the daemon that a line starts is stopped."""
    place: Callable[[Path], Shell] = request.param
    made = Scene(place(tmp_path), tmp_path / "worktrees")
    yield made
    made.shell.thrum("daemon", "stop")


def answers(run: Callable[[Line], Answer]) -> dict[str, Answer]:
    """Return the answers that differ from what the lines promise."""
    given = [(line, run(line)) for line in ALL]
    return {
        line.text: answer
        for line, answer in given
        if answer.code != line.code or line.answer not in answer.out + answer.err
    }


def test_every_line_does_what_the_text_says(scene: Scene) -> None:
    assert answers(scene.run) == {}


@pytest.mark.nightly
def test_every_line_does_so_in_a_shell_and_a_process_of_its_own(scene: Scene) -> None:
    assert answers(scene.type) == {}


@pytest.mark.parametrize("synopsis", SYNOPSES, ids=lambda synopsis: synopsis.text[:40])
def test_the_lines_of_a_synopsis_use_all_of_it(synopsis: Synopsis) -> None:
    typed = {word for line in synopsis.lines for word in re.findall(r"[\w-]+", line.text)}
    choices = [word for choice in re.findall(r"[a-z-]+(?:\|[a-z-]+)+", synopsis.text) for word in choice.split("|")]
    assert {*re.findall(r"(?<!\w)--?[a-z][a-z-]*", synopsis.text), *choices} - typed == set()


def test_a_placeholder_that_was_lost_is_named(tmp_path: Path) -> None:
    repository = created(tmp_path)
    for line in ("sent show", "runtime show", "runtime set-default"):
        answer = repository.thrum(*line.split())
        assert (answer.code, f"`thrum {line} " in answer.err) == (1, True), answer
