"""A repository that thrum was set up in, without any client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import Shell, git


@pytest.fixture
def repository(tmp_path: Path) -> Shell:
    """Return a shell in the main worktree."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "begin")
    shell = Shell(root)
    shell.ok("init")
    return shell


def executable(path: Path) -> Path:
    """Make a file that a shell can start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\necho "started $*"\n')
    path.chmod(0o755)
    return path
