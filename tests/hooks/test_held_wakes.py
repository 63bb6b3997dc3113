"""Two agents that answer each other without end: after a number of automatic replies, mail wakes neither of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import PATIENCE, SCRIPT, Shell, git

from .conftest import Session

REASON = "automatic replies in 30 minutes between you and @"


@pytest.fixture
def pair(session: Session) -> tuple[Session, Session]:
    """planner and builder, each with a client; four automatic replies are the limit."""
    session.agent.ok("config", "set", "limits.auto_replies", "4")
    return session, Session(session.colleague, session.agent, "session-2")


def stopped(who: Session) -> list[str]:
    """The client's turn ends: the messages that the stop hook wakes the agent with."""
    return re.findall(r"id (msg_\w+)", who.context("stop"))


def replies(who: Session, message: str, text: str = "and you?") -> dict[str, Any]:
    answer: dict[str, Any] = who.agent.json("reply", message, text)
    return answer


def talk(first: Session, second: Session, count: int = 40) -> tuple[int, dict[str, Any]]:
    """Each answers what wakes it; return how many replies there were until a wake was held back, and the last one."""
    sent = first.agent.json("send", "shall we talk?", "--to", f"@{name(second)}")
    who, other = second, first
    for number in range(count):
        woken = stopped(who)
        if not woken:
            return number, sent
        sent = replies(who, woken[-1])
        who, other = other, who
    return count, sent


def name(who: Session) -> str:
    return str(who.agent.json("whoami")["agent_id"])


def test_after_the_limit_no_wake_comes_and_both_learn_it(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    count, last = talk(planner, builder)
    assert count == 4
    (warning,) = last["warnings"]
    assert f"4 {REASON}" in warning
    for who, other in ((planner, "builder"), (builder, "planner")):
        assert stopped(who) == []
        (held,) = who.agent.json("status")["held_wakes"]
        assert (held["agent_id"], held["thread_id"], held["replies"]) == (other, last["thread_id"], 4)
        assert f"4 {REASON}{other}" in " ".join(who.agent.ok("status").split())
    waiting = builder if builder.agent.json("inbox", "--unread")["unread"] else planner
    text = waiting.context("post-tool")
    assert last["message_id"] in text and REASON in text


def test_messages_arrive_all_the_same(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    _, last = talk(planner, builder)
    mail = [m["message_id"] for who in pair for m in who.agent.json("inbox", "--unread")["messages"]]
    assert last["message_id"] in mail
    ended = builder.agent.json("wait", "--timeout", "1s")  # who waits in a turn of its own is not woken
    assert ended["status"] == "received"


def test_a_prompt_of_a_person_lets_wakes_through(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    _, last = talk(planner, builder)
    assert last["message_id"] in builder.context("prompt", prompt="go on, please")
    assert builder.agent.json("status")["held_wakes"] == planner.agent.json("status")["held_wakes"] == []
    answer = replies(builder, last["message_id"])
    assert answer["warnings"] == []
    assert stopped(planner) == [answer["message_id"]]


@pytest.mark.parametrize(
    "prompt", ["thrum: you have unread mail, @planner. The text", "thrum: mail for you, @planner: msg_1"]
)
def test_our_own_text_as_a_prompt_is_no_person(pair: tuple[Session, Session], prompt: str) -> None:
    """Codex and Cursor submit the text that wakes a session as a prompt."""
    planner, builder = pair
    talk(planner, builder)
    planner.context("prompt", prompt=prompt)
    assert planner.agent.json("status")["held_wakes"]


def test_a_new_thread_wakes(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    talk(planner, builder)
    message = planner.gets("something else")
    assert stopped(planner) == [message]
    assert stopped(planner) == []


def test_a_third_agent_wakes_and_lets_the_thread_go_on(pair: tuple[Session, Session], tmp_path: Path) -> None:
    planner, builder = pair
    _, last = talk(planner, builder)
    third = tmp_path / "third"
    git(planner.agent.cwd, "worktree", "add", "--quiet", str(third))
    person = Shell(third)
    person.ok("quickstart", "--name", "paula", "--role", "human", "--module", "core")
    reply = person.json("reply", last["message_id"], "go on")
    assert reply["message_id"] in stopped(planner)
    assert reply["message_id"] in stopped(builder)


def test_replies_that_a_person_asked_for_do_not_count(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    message = builder.agent.json("send", "question", "--to", "@planner")["message_id"]
    for number in range(6):
        assert message in planner.context("prompt", prompt=f"answer it, {number}")
        (woken,) = [replies(planner, message)["message_id"]]
        assert stopped(builder) == [woken]
        message = replies(builder, woken)["message_id"]
    assert builder.agent.json("status")["held_wakes"] == []


def test_without_a_limit_nothing_is_held_back(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    planner.agent.ok("config", "set", "limits.auto_replies", "0")
    assert talk(planner, builder, 7)[0] == 7
    assert planner.agent.json("status")["held_wakes"] == []


def test_the_default_is_generous(session: Session) -> None:
    shown = session.agent.json("config", "show")["limits"]
    assert shown["auto_replies"] == {"value": 40, "source": "default"}
    assert shown["auto_minutes"] == {"value": 30, "source": "default"}
    assert talk(session, Session(session.colleague, session.agent, "session-2"), 6)[0] == 6


def test_a_listener_sleeps_on(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    _, last = talk(planner, builder)
    silent = planner if planner.agent.json("inbox", "--unread")["unread"] else builder
    listener = subprocess.Popen(
        [SCRIPT, "listen", "--json"], cwd=silent.agent.cwd, stdout=subprocess.PIPE,
        env={**silent.agent.environ(), "CLAUDE_CODE_SESSION_ID": silent.id},
    )  # fmt: skip
    fresh = silent.gets("a new thread") if silent is planner else planner.agent.json("send", "new", "--to", "@builder")
    out, _ = listener.communicate(timeout=PATIENCE)
    heard = json.loads(out)
    expected = fresh if isinstance(fresh, str) else fresh["message_id"]
    assert [message for message, _ in heard["messages"]] == [expected]
    assert last["message_id"] in silent.context("prompt", prompt="hello")


def test_a_compaction_goes_on_with_a_woken_turn_and_a_new_start_does_not(pair: tuple[Session, Session]) -> None:
    planner, builder = pair
    message = planner.gets("hello")
    assert stopped(planner) == [message]
    planner.context("session-start", source="compact")
    first = replies(planner, message)["message_id"]
    planner.context("session-start", source="resume")
    second = replies(planner, message)["message_id"]
    refs = "SELECT message FROM tags WHERE field = 'ref' AND type = 'automatic'"
    rows = builder.agent.json("query", refs)["rows"]
    assert [first] in [list(row) if not isinstance(row, dict) else [row["message"]] for row in rows]
    assert second not in json.dumps(rows)


@pytest.mark.parametrize(
    "content", ['{"limits": {"auto_replies": "many"}}', '{"limits": 3}', '{"limits": {"auto_replies": -4}}']
)
def test_a_setting_that_is_no_number_is_the_default_and_mail_goes_on(
    pair: tuple[Session, Session], content: str
) -> None:
    planner, builder = pair
    config = planner.agent.cwd / ".thrum/config.json"
    config.write_text(content)
    assert talk(planner, builder, 5)[0] == 5
