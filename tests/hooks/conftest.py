"""An agent in a client's session, and a colleague in another worktree who writes to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Answer, Shell, git


@dataclass(frozen=True)
class Session:
    """A client's session: its hooks run as processes of their own, with what the client says on standard input."""

    agent: Shell
    colleague: Shell
    id: str = "session-1"

    def hook(self, event: str, runtime: str = "claude", **fields: Any) -> Answer:
        """Run a hook, whose exit code must be 0."""
        stdin = json.dumps({"session_id": self.id, **fields}).encode()
        answer = self.agent.run("hook", event, "--runtime", runtime, stdin=stdin)
        assert answer.code == 0, answer
        return answer

    def context(self, event: str, **fields: Any) -> str:
        """Run a hook of Claude Code and return the text for the model; empty if it printed nothing."""
        out = self.hook(event, **fields).out
        return "" if not out else str(json.loads(out)["hookSpecificOutput"]["additionalContext"])

    def gets(self, text: str) -> str:
        """Have the colleague write to planner; return the id of the message."""
        message_id: str = self.colleague.json("send", text, "--to", "@planner")["message_id"]
        return message_id


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """planner in the repository, builder in a worktree of it."""
    root, other = tmp_path / "project", tmp_path / "feature"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "app.py").write_text("one\n")
    git(root, "add", "app.py")
    git(root, "commit", "--quiet", "--message", "begin")
    git(root, "worktree", "add", "--quiet", str(other))
    agent, colleague = Shell(root), Shell(other)
    agent.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    colleague.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    return Session(agent, colleague)
