"""Each layout gives the same answers: git decides what a worktree is, and thrum asks no path for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .sites import LAYOUTS, Site, git


def where(site: Site, *words: str) -> set[tuple[str, str, str]]:
    """Return agent, branch and uncommitted files of a document with contexts."""
    contexts = site.builder.json(*words)["contexts"]
    return {(context["agent_id"], context["branch"], ",".join(context["uncommitted_files"])) for context in contexts}


def branch(root: Path, site: Site) -> str:
    """Return the branch of a worktree, as git says."""
    return git(root, "symbolic-ref", "--short", "HEAD", **site.variables).strip()


def test_init_finds_a_store_that_is_there_from_both_worktrees(site: Site) -> None:
    for shell in (site.planner, site.builder):
        assert shell.json("init")["created"] is False
        assert [agent["agent_id"] for agent in shell.json("agent", "list")["agents"]["agents"]] == [
            "builder",
            "planner",
        ]


def test_mail_goes_both_ways_and_a_wait_gets_it(site: Site) -> None:
    for sender, reader, name in ((site.planner, site.builder, "@builder"), (site.builder, site.planner, "@planner")):
        sent = sender.json("send", f"to {name}", "--to", name)["message_id"]
        assert [message["message_id"] for message in reader.json("wait", "--timeout", "5s")["messages"]] == [sent]
        assert f"to {name}" in reader.ok("inbox", "--unread")


def test_both_worktrees_have_names_and_branches_of_their_own(site: Site) -> None:
    members = {member["agent_id"]: member for member in site.planner.json("team")["members"]}
    assert {name: member["branch"] for name, member in members.items()} == {
        "planner": branch(site.first, site), "builder": branch(site.other, site)
    }  # fmt: skip
    assert members["planner"]["worktree"] != members["builder"]["worktree"]
    assert site.planner.json("team")["unanswered"] == []


def test_who_has_asks_git_in_both_worktrees(site: Site) -> None:
    for shell, root, name in ((site.builder, site.first, "planner"), (site.planner, site.other, "builder")):
        assert shell.ok("who-has", "new.txt") == "No agents are currently editing new.txt.\n"
        (root / "new.txt").write_text("x\n")
        try:
            assert where(site, "who-has", "new.txt") == {(name, branch(root, site), "new.txt")}
            assert f"@{name}" in shell.ok("who-has", os.path.relpath(root / "new.txt", shell.cwd))
        finally:
            (root / "new.txt").unlink()


def test_a_sync_makes_the_commit_of_the_branch(site: Site) -> None:
    site.planner.ok("send", "x", "--to", "@builder")
    site.planner.json("sync", "force")
    paths = git(site.other, "ls-tree", "-r", "--name-only", "a-sync", **site.variables)
    assert "/planner/" in paths and "heads.json" in paths


def test_doctor_finds_nothing_from_both_worktrees(site: Site) -> None:
    for shell in (site.planner, site.builder):
        findings = shell.thrum("doctor", "--json").data["findings"]
        assert [finding for finding in findings if finding["status"] == "problem"] == []


def test_thrum_leaves_no_trace_in_the_status_of_git(site: Site) -> None:
    for root in (site.first, site.other, *site.outside):
        status = git(root, "status", "--porcelain", **site.variables)
        assert {line[3:] for line in status.splitlines()} <= {".gitignore", "vendor/"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_clone_that_was_moved_is_healed_and_has_all_mail(layout: str, tmp_path: Path) -> None:
    site = LAYOUTS[layout](tmp_path / "before")
    site.planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    site.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    site.builder.ok("init")
    site.planner.ok("send", "before the move", "--to", "@builder")
    moved = tmp_path / "after"
    shutil.move(site.movable, moved)
    first, other = (moved / path.relative_to(site.movable) for path in (site.first, site.other))
    _repair(site, first, other)
    planner, builder = site.planner.at(first), site.builder.at(other)
    assert "before the move" in builder.ok("inbox")
    for shell in (planner, builder):
        assert shell.thrum("doctor", "--fix", "--json").data["problems"] == 0
        assert shell.thrum("doctor", "--json").data["problems"] == 0
        assert shell.ok("who-has", "README.md") == "No agents are currently editing README.md.\n"
    assert (other / ".thrum" / "redirect").read_text().startswith(str(moved))
    planner.json("sync", "force")


def _repair(site: Site, first: Path, other: Path) -> None:
    """Let git mend its own pointers after a move, as a user has to."""
    if site.name == "separate git directory":
        (first / ".git").write_text(f"gitdir: {first.parent / 'store' / 'r.git'}\n")
    hub = next((path for path in first.parent.glob("*.git") if (path / "HEAD").exists()), first)
    hub = first.parent if site.name == "dot bare" else hub
    roots = (first, other) if site.name in ("bare", "dot bare") else (other,)
    git(hub if site.name in ("bare", "dot bare") else first, "worktree", "repair", *map(str, roots), **site.variables)
