"""One prompt of the user, answered to its end by the real client, in the configuration that `thrum init` wrote."""

from __future__ import annotations

import pytest

from .conftest import Workshop
from .dialects import Call, Say
from .installed import TALKING, Client

pytestmark = [pytest.mark.clients, pytest.mark.parametrize("client", TALKING, ids=lambda client: client.name)]


def test_the_first_prompt_of_a_session_carries_the_briefing(client: Client, workshop: Workshop) -> None:
    workshop.planner.ok("context", "save", stdin=b"Keys are rotated on Mondays")
    workshop.sends("Which key is in use?")
    output = workshop.work("hello")
    assert workshop.model.prompts, output
    first = workshop.model.prompts[0].text
    assert first.count("you are @planner") == 1
    assert "@builder · implementer of auth" in first
    assert first.count("Keys are rotated on Mondays") == 1
    assert first.count("Which key is in use?") == 1


def test_mail_that_comes_while_the_agent_works_is_in_its_next_prompt_once(client: Client, workshop: Workshop) -> None:
    ids: list[str] = []
    again = Call(workshop.tool("list_agents"))
    workshop.model.plays(lambda: ids.append(workshop.sends("Is the gate open?")), again, again, Say("Done."))
    output = workshop.work("hello")
    assert len(workshop.model.prompts) == 3, output
    before, after, later = (prompt.text for prompt in workshop.model.prompts)
    assert "Is the gate open?" not in before
    for text in (after, later):
        assert text.count("Is the gate open?") == 1
        assert "from @builder · " in text
        assert text.count(f"id {ids[0]}") == 1


def test_mail_that_comes_as_the_agent_stops_makes_it_go_on(client: Client, workshop: Workshop) -> None:
    if client.name == "opencode":
        pytest.skip("opencode has no hook at the end of a turn: its plugin starts a turn of its own, see test_idle")
    workshop.model.plays(lambda: workshop.sends("One thing more"), Say("I am done."))
    output = workshop.work("hello")
    assert len(workshop.model.prompts) == 2, output
    assert workshop.model.prompts[1].text.count("One thing more") == 1


def test_the_tools_send_check_and_wait_hand_over_once(client: Client, workshop: Workshop) -> None:
    workshop.model.plays(
        Call(workshop.tool("send_message"), {"to": "@builder", "content": "The gate is open"}),
        Call(workshop.tool("check_messages")),
        lambda: workshop.sends_once_planner_waits("Close it again"),
        Call(workshop.tool("wait_for_message"), {"timeout": 60}),
        Say("Done."),
    )
    workshop.sends("Is the gate open?")
    output = workshop.work("hello")
    assert len(workshop.model.prompts) == 4, output
    _, sent, checked, waited = workshop.model.prompts
    assert "The gate is open" in workshop.builder.ok("inbox")
    assert "builder" in sent.last
    assert checked.last.count("Is the gate open?") == 1
    assert waited.last.count("Close it again") == 1
    assert workshop.planner.json("inbox", "--unread")["messages"] == []
