"""`thrum doctor wake`: a nonce goes the agent's real way, and comes back."""

from __future__ import annotations

import json
import re
import subprocess

from tests.cli.shell import PATIENCE, SCRIPT

from .conftest import Session


def test_it_says_by_which_way_an_agent_was_reached_and_how_fast(session: Session) -> None:
    check = session.colleague.start("doctor", "wake", "--agent", "@planner", "--timeout", "50s", "--json")
    text = ""
    while not text:
        text = session.context("post-tool")
    (message,) = re.findall(r"id (msg_\w+)", text)
    (nonce,) = re.findall(r"exactly: ([0-9a-f]{8})", text)
    session.agent.ok("reply", message, f"here it is: {nonce}")
    out, _ = check.communicate(timeout=PATIENCE)
    fields = json.loads(out)
    assert check.returncode == 0
    assert (fields["agent_id"], fields["message_id"], fields["shown_by"]) == ("planner", message, "post-tool")
    assert 0 <= fields["shown_seconds"] <= fields["answered_seconds"]


def test_an_agent_that_is_not_there_is_not_reached(session: Session) -> None:
    answer = session.colleague.thrum("doctor", "wake", "--agent", "planner", "--timeout", "0s")
    assert answer.code == 1
    assert "was not reached" in answer.out


def test_only_an_agent_that_exists_can_be_woken(session: Session) -> None:
    assert session.colleague.thrum("doctor", "wake", "--agent", "nobody").code == 1
    assert session.agent.json("inbox")["total"] == 0


def test_the_agent_of_this_worktree_is_asked_by_nobody_else_and_keeps_no_trace_of_it(session: Session) -> None:
    session.context("session-start")
    check = session.agent.start("doctor", "wake", "--timeout", "50s", "--json")
    text = ""
    while not text:
        text = session.context("stop")
    (message,) = re.findall(r"id (msg_\w+)", text)
    (nonce,) = re.findall(r"exactly: ([0-9a-f]{8})", text)
    session.agent.ok("reply", message, nonce)
    out, _ = check.communicate(timeout=PATIENCE)
    fields = json.loads(out)
    assert (fields["agent_id"], fields["rung"], fields["withdrawn"]) == ("planner", "stop", True)
    assert fields["answered_seconds"] is not None
    assert session.agent.json("inbox")["total"] == 0
    assert [agent["agent_id"] for agent in session.agent.json("agent", "list")["agents"]["agents"]] == [
        "builder",
        "planner",
    ]
    assert session.agent.json("whoami")["agent_id"] == "planner"


def test_mail_that_the_agent_took_by_itself_came_by_waiting(session: Session) -> None:
    check = session.colleague.start("doctor", "wake", "--agent", "planner", "--timeout", "50s", "--json")
    while not session.agent.json("inbox", "--unread")["unread"]:
        pass
    session.agent.ok("message", "read", "--all")
    (message,) = session.agent.json("inbox")["messages"]
    session.agent.ok("reply", message["message_id"], message["body"]["content"].rpartition(" ")[2])
    out, _ = check.communicate(timeout=PATIENCE)
    assert json.loads(out)["rung"] == "wait"


def test_an_idle_session_with_a_listener_is_reached_by_it(session: Session) -> None:
    session.context("session-start")
    listener = subprocess.Popen(
        [SCRIPT, "hook", "listen"],
        cwd=session.agent.cwd, env=session.agent.environ(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    check = session.colleague.thrum("doctor", "wake", "--agent", "planner", "--timeout", "5s", "--json")
    _, error = listener.communicate(timeout=PATIENCE)
    assert listener.returncode == 2
    assert b"exactly: " in error
    assert json.loads(check.out)["rung"] == "async-rewake"
