"""Damage around a hook never reaches the agent: exit code 0, and no odd text for the model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import SCRIPT, Answer
from thrum_cli.hooks.events import EVENTS

from .conftest import Session

AS_ROOT = os.geteuid() == 0
SETPRIV = shutil.which("setpriv")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("damage", ["no home", "a huge input", "a broken log", "a broken identity", "no git"])
def test_a_hook_never_fails_the_turn(session: Session, event: str, damage: str) -> None:
    session.gets("hello")
    agent, stdin = session.agent, b'{"session_id": "s"}'
    environ = agent.environ()
    if damage == "no home":
        del environ["HOME"]
    elif damage == "a huge input":
        stdin = b'{"session_id": "s", "x": "' + b"y" * 20_000_000 + b'"}'
    elif damage == "a broken log":
        for path in (agent.cwd / ".git" / "thrum-sync" / "a-sync").rglob("*.jsonl"):
            path.write_bytes(b"not an event\n" * 5)
    elif damage == "a broken identity":
        (agent.cwd / ".thrum" / "identities" / "planner.json").write_text("{")
    else:
        environ["PATH"] = "/nowhere"
    done = subprocess.run(
        [SCRIPT, "hook", event, "--runtime", "claude"],
        cwd=agent.cwd, env=environ, input=stdin, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert b"Traceback" not in done.stderr
    if done.stdout:
        assert json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]


@pytest.mark.parametrize("size", [17_000_000, 33_000_000])
def test_a_hook_reads_an_input_of_any_size_to_its_end(session: Session, size: int) -> None:
    agent = session.agent
    hook = subprocess.Popen(
        [SCRIPT, "hook", "post-tool"], cwd=agent.cwd, env=agent.environ(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert hook.stdin is not None
    hook.stdin.write(b'{"session_id": "s", "tool_response": "' + b"y" * size + b'"}')  # fails on a closed pipe
    hook.stdin.close()
    assert hook.wait() == 0
    assert hook.stdout is not None
    hook.stdout.close()


@pytest.fixture
def readonly(session: Session) -> Iterator[Session]:
    """Return planner's repository with mail in it, made read-only."""
    if AS_ROOT and SETPRIV is None and not os.environ.get("CI"):
        pytest.skip("setpriv is not installed, and root writes everywhere")
    session.gets("hello")
    (session.agent.cwd / ".mcp.json").write_text("{}")
    paths = [session.agent.cwd, *session.agent.cwd.rglob("*")]
    modes = [path.stat().st_mode for path in paths]
    for path in reversed(paths):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield session
    for path, mode in zip(paths, modes, strict=True):
        path.chmod(mode)


def without_rights(session: Session, *arguments: str) -> Answer:
    """Run thrum without root's right to write everywhere."""
    prefix = [str(SETPRIV), "--bounding-set=-dac_override"] if AS_ROOT else []
    done = subprocess.run(
        [*prefix, SCRIPT, *arguments],
        cwd=session.agent.cwd, env=session.agent.environ(), input=b"{}", capture_output=True, check=False,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("event", EVENTS)
def test_a_disk_that_cannot_be_written_is_not_the_agents_problem(readonly: Session, event: str) -> None:
    answer = without_rights(readonly, "hook", event, "--runtime", "claude")
    assert answer.code == 0
    assert "Traceback" not in answer.err


def test_a_worktree_that_cannot_be_written_is_left_alone_and_said_so(readonly: Session) -> None:
    answer = without_rights(readonly, "init", "--runtime", "claude", "--dry-run", "--json")
    error = json.loads(answer.out)["error"]
    assert (answer.code, error["code"]) == (1, "refused")
    assert error["message"].startswith(f"you may not write in {readonly.agent.cwd}")


@pytest.mark.parametrize("words", [("--help",), ("prompt", "-h")], ids=" ".join)
def test_its_help_is_shown_as_for_any_command(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run([SCRIPT, "hook", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: thrum hook")
