"""`thrum runtime wake`: a nonce goes the agent's real way, and comes back."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.cli.shell import PATIENCE, SCRIPT

from .conftest import Session


def test_it_says_by_which_way_an_agent_was_reached_and_how_fast(session: Session) -> None:
    check = session.colleague.start("runtime", "wake", "@planner", "--timeout", "50s", "--json")
    text = ""
    while not text:
        text = session.context("post-tool")
    (message,) = re.findall(r"id (msg_\w+)", text)
    (nonce,) = re.findall(r"exactly: ([0-9a-f]{8})", text)
    session.agent.ok("reply", message, f"here it is: {nonce}")
    out, _ = check.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert check.returncode == 0
    assert (told["agent_id"], told["message_id"], told["shown_by"]) == ("planner", message, "post-tool")
    assert 0 <= told["shown_seconds"] <= told["answered_seconds"]


def test_an_agent_that_is_not_there_is_not_reached(session: Session) -> None:
    answer = session.colleague.thrum("runtime", "wake", "planner", "--timeout", "0s")
    assert answer.code == 1
    assert "was not reached" in answer.out


@pytest.mark.parametrize("name", ["builder", "nobody"])
def test_only_another_agent_can_be_woken(session: Session, name: str) -> None:
    assert session.colleague.thrum("runtime", "wake", name).code == 1
    assert session.agent.json("inbox")["total"] == 0


def test_an_idle_session_with_a_listener_is_reached_by_it(session: Session) -> None:
    session.context("session-start")
    listener = subprocess.Popen(
        [SCRIPT, "hook", "listen"],
        cwd=session.agent.cwd, env=session.agent.environ(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    check = session.colleague.thrum("runtime", "wake", "planner", "--timeout", "5s", "--json")
    _, said = listener.communicate(timeout=PATIENCE)
    assert listener.returncode == 2
    assert b"exactly: " in said
    assert json.loads(check.out)["shown_by"] == "listen"
