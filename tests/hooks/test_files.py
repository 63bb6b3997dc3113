"""Edits: the team sees them at once, and whoever is about to edit the same file is warned."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
    members = {member["agent_id"]: member for member in session.agent.json("team")["members"]}
    assert members["builder"]["uncommitted_files"] == 1


@pytest.mark.parametrize(
    ("runtime", "fields", "path"),
    [
        ("codex", {"command": "*** Begin Patch\n*** Update File: app.py\n@@\n-a\n+b\n*** End Patch"}, "before-edit"),
        ("gemini", {"file_path": "app.py"}, "after-edit"),
        ("auggie", {"path": "app.py"}, "after-edit"),
        ("cursor", {"file_path": "app.py"}, "after-edit"),
        ("opencode", {"filePath": "app.py"}, "before-edit"),
        ("amp", {"file_path": "app.py"}, "before-edit"),
    ],
)
def test_each_client_is_warned_as_early_as_it_lets_the_model_read_it(
    session: Session, runtime: str, fields: dict[str, str], path: str
) -> None:
    (session.colleague.cwd / "app.py").write_text("theirs\n")
    answers = {event: session.hook(event, runtime, tool_input=fields).out for event in ("before-edit", "after-edit")}
    assert [event for event, out in answers.items() if "@builder has uncommitted changes to app.py" in out] == [path]


def test_an_edit_is_seen_by_who_has_in_the_next_moment_without_any_heartbeat(session: Session) -> None:
    theirs = replace(session, agent=session.colleague, colleague=session.agent)
    theirs.context("session-start")
    assert session.agent.json("who-has", "app.py")["contexts"] == []
    (session.colleague.cwd / "app.py").write_text("theirs\n")
    theirs.hook("after-edit", "codex", tool_input={"command": "*** Update File: app.py"})
    assert [context["agent_id"] for context in session.agent.json("who-has", "app.py")["contexts"]] == ["builder"]
