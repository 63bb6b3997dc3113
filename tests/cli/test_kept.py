"""Files of messages: one log for each agent, on the branch a-sync, and a view that can be rebuilt."""

from __future__ import annotations

import json
from pathlib import Path

from tests.contract.manifest import requirement

from .conftest import Team
from .shell import git


def logs(root: Path) -> dict[str, bytes]:
    """Return the bytes of each agent's log, by name."""
    tree = root / ".git" / "thrum-sync" / "a-sync"
    return {path.parent.name: path.read_bytes() for path in sorted(tree.rglob("*.jsonl"))}


@requirement("kept:logs")
def test_each_agent_has_a_log_of_json_lines_that_is_only_appended_to(team: Team) -> None:
    message_id = team.says("Port 8080")
    before = logs(team.planner.cwd)
    assert set(before) == {"planner", "builder"}
    team.planner.ok("message", "edit", message_id, "Port 8443")
    team.planner.ok("message", "delete", message_id, "--force")
    after = logs(team.planner.cwd)
    assert len(after["planner"].splitlines()) == len(before["planner"].splitlines()) + 2
    assert all(after[name].startswith(before[name]) for name in before)
    assert all(isinstance(json.loads(line), dict) for log in after.values() for line in log.splitlines())


@requirement("kept:branch")
def test_the_logs_lie_in_a_worktree_of_an_orphan_branch_and_no_branch_is_switched(team: Team) -> None:
    branches = [git(shell.cwd, "branch", "--show-current") for shell in (team.planner, team.builder)]
    team.says("Hello")
    team.planner.ok("sync", "force")
    tree = team.planner.cwd / ".git" / "thrum-sync" / "a-sync"
    assert git(tree, "branch", "--show-current") == "a-sync\n"
    assert ".jsonl" in git(team.planner.cwd, "ls-tree", "-r", "--name-only", "a-sync")
    roots = git(team.planner.cwd, "rev-list", "--max-parents=0", "--all").split()
    assert len(roots) == 2
    assert [git(shell.cwd, "branch", "--show-current") for shell in (team.planner, team.builder)] == branches


@requirement("kept:view")
def test_a_view_that_is_lost_is_made_again_from_the_logs(team: Team) -> None:
    team.says("Still here")
    inbox = team.builder.json("inbox")
    databases = list((team.planner.cwd / ".thrum" / "var").glob("*.db*"))
    assert databases
    for path in databases:
        path.unlink()
    assert team.builder.json("inbox") == inbox
