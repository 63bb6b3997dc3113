"""Beginning, compacting and ending a session; and a hook that goes wrong."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from thrum_store.repository.paths import VIEW_POINTER

from .conftest import Session


def test_a_session_begins_with_who_you_are_who_is_there_and_what_is_unread(session: Session) -> None:
    session.gets("Welcome back")
    text = session.context("session-start", source="startup")
    assert "you are @planner (role lead, module core)" in text
    assert "- @builder · implementer of auth · active" in text
    assert "Welcome back" in text
    assert session.context("prompt") == ""


def test_a_session_start_that_fires_twice_has_its_effect_once(session: Session) -> None:
    assert session.context("session-start", source="startup")
    started = session.agent.json("whoami")["session_id"]
    assert session.context("session-start", source="startup") == ""
    assert session.agent.json("whoami")["session_id"] == started


def test_after_a_compaction_the_briefing_comes_again_with_mail_shown_before_and_the_saved_notes(
    session: Session,
) -> None:
    session.context("session-start", source="startup")
    session.gets("Please review app.py")
    session.context("prompt")
    session.agent.ok("context", "save", stdin=b"Half of the parser is done.\n")
    (session.agent.cwd / "app.py").write_text("two\n")
    session.hook("post-tool")
    session.hook("after-edit", tool_input={"file_path": str(session.agent.cwd / "app.py")})
    session.hook("pre-compact")
    text = session.context("session-start", source="compact")
    assert "Half of the parser is done." in text
    assert re.search(r"Uncommitted files: .*app\.py", text)
    assert "Unread messages: 1" in text
    assert "Please review app.py" in text


@pytest.mark.parametrize("runtime", ["gemini", "cursor"])
def test_where_a_client_starts_no_session_after_a_compaction_the_next_prompt_is_briefed_once(
    session: Session, runtime: str
) -> None:
    session.hook("session-start", runtime)
    session.hook("prompt", runtime)
    started = session.agent.json("whoami")["session_id"]
    session.gets("Please review app.py")
    session.hook("prompt", runtime)
    session.hook("pre-compact", runtime)
    briefed = session.hook("prompt", runtime).out
    assert "you are @planner" in briefed
    assert briefed.count("Please review app.py") == 1
    assert session.agent.json("whoami")["session_id"] == started
    assert session.hook("prompt", runtime).out == ""


def test_a_session_that_begins_anew_after_its_compaction_is_briefed_by_that_alone(session: Session) -> None:
    session.hook("session-start", "cursor")
    session.hook("pre-compact", "cursor")
    assert "you are @planner" in session.hook("session-start", "cursor", source="clear").out
    assert session.hook("prompt", "cursor").out == ""


@pytest.mark.parametrize("first", ["session-start", "prompt"])
def test_a_client_that_sends_its_first_prompt_without_awaiting_the_beginning_is_briefed_by_that_prompt_once(
    session: Session, first: str
) -> None:
    session.gets("Please review app.py")
    order = ("session-start", "prompt") if first == "session-start" else ("prompt", "session-start")
    outputs = {event: session.hook(event, "gemini", source="startup").out for event in order}
    assert outputs["session-start"] == ""
    assert "you are @planner" in outputs["prompt"]
    assert outputs["prompt"].count("Please review app.py") == 1
    assert session.agent.json("whoami")["session_id"] is not None
    assert session.hook("prompt", "gemini").out == ""
    assert session.hook("session-start", "gemini", source="clear").out == ""
    assert "you are @planner" in session.hook("prompt", "gemini").out
    assert session.hook("prompt", "gemini").out == ""


def test_a_first_prompt_beside_the_beginning_of_its_session_is_briefed(session: Session) -> None:
    with ThreadPoolExecutor() as both:
        begun = both.submit(session.hook, "session-start", "gemini", source="startup")
        prompted = both.submit(session.hook, "prompt", "gemini")
    assert begun.result().out == ""
    assert "you are @planner" in prompted.result().out
    assert session.hook("prompt", "gemini").out == ""


def test_saving_before_each_compaction_keeps_the_agents_own_notes_once(session: Session) -> None:
    session.context("session-start")
    session.agent.ok("context", "save", stdin=b"Mine.\n")
    session.hook("pre-compact")
    session.hook("pre-compact")
    saved = (session.agent.cwd / ".thrum" / "context" / "planner.md").read_text()
    assert saved.count("Mine.") == 1
    assert saved.count("As of the last compaction") == 1


def test_the_end_of_a_clients_session_ends_the_agents(session: Session) -> None:
    session.context("session-start")
    session.hook("session-end")
    assert session.agent.json("whoami")["session_id"] is None
    session.hook("session-end")


def test_a_worktree_without_an_identity_is_told_how_to_get_one(session: Session) -> None:
    (session.agent.cwd / ".thrum" / "identities" / "planner.json").unlink()
    assert "thrum quickstart --name NAME" in session.context("session-start")


def test_a_name_that_belongs_to_another_worktree_is_told_at_the_beginning(session: Session) -> None:
    wrong = replace(session, agent=session.agent.having(THRUM_NAME="builder"))
    assert "works in the worktree" in wrong.context("session-start")


@pytest.mark.parametrize("arguments", [(), ("no-such-event",), ("prompt", "--what"), ("stop", "--runtime")])
def test_a_call_that_makes_no_sense_never_fails_the_turn(session: Session, arguments: tuple[str, ...]) -> None:
    session.gets("hello")
    answer = session.agent.run("hook", *arguments, stdin=b"{}")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.startswith("thrum hook: ")


@pytest.mark.parametrize("raw", [b"", b"not json", b"[1]", b'"text"', b"\xff\xfe", b'{"tool_input": 3}', b"{}" * 9])
def test_whatever_the_client_says_the_mail_is_shown(session: Session, raw: bytes) -> None:
    session.gets("hello")
    answer = session.agent.run("hook", "post-tool", "--runtime", "claude", stdin=raw)
    assert answer.code == 0
    assert "hello" in json.loads(answer.out)["hookSpecificOutput"]["additionalContext"]


def test_a_damaged_view_is_not_the_agents_problem(session: Session) -> None:
    session.gets("hello")
    var = session.agent.cwd / ".thrum" / "var"
    view = var / (var / VIEW_POINTER).read_text().strip()
    view.write_bytes(b"this is no database" * 500)
    answer = session.hook("prompt")
    assert "hello" in answer.out
