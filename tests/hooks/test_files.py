"""Edits: the team sees them at once, and whoever is about to edit the same file is warned."""

from __future__ import annotations

from dataclasses import replace

from .conftest import Session


def test_before_an_edit_the_agent_is_warned_of_whoever_has_the_file_uncommitted(session: Session) -> None:
    (session.colleague.cwd / "app.py").write_text("theirs\n")
    mine = str(session.agent.cwd / "app.py")
    text = session.context("before-edit", tool_name="Edit", tool_input={"file_path": mine})
    assert "@builder has uncommitted changes to app.py on branch feature" in text
    assert "thrum send" in text
    assert session.context("before-edit", tool_name="Edit", tool_input={"file_path": mine}) == ""


def test_nobody_is_warned_of_a_file_that_nobody_else_touched(session: Session) -> None:
    (session.agent.cwd / "app.py").write_text("mine\n")
    mine = str(session.agent.cwd / "app.py")
    assert session.context("before-edit", tool_input={"file_path": mine}) == ""


def test_after_an_edit_the_team_sees_it(session: Session) -> None:
    theirs = replace(session, agent=session.colleague, colleague=session.agent)
    theirs.context("session-start")
    (session.colleague.cwd / "app.py").write_text("theirs\n")
    theirs.hook("after-edit", tool_input={"file_path": "app.py"})
    members = {one["agent_id"]: one for one in session.agent.json("team")["members"]}
    assert members["builder"]["uncommitted_files"] == 1
