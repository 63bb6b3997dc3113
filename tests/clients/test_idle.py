"""An interactive session in a terminal: woken by mail while it is idle, briefed anew after a compaction."""

from __future__ import annotations

import shutil

import pytest

from .conftest import Workshop
from .installed import CLAUDE, CODEX, GEMINI, OPENCODE, Client
from .terminal import Terminal, idle, until

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
WAKING = (CLAUDE, CODEX, OPENCODE)  # Gemini CLI has no way to start a turn in a session that is idle
COMPACTING = {CLAUDE: "/compact", CODEX: "/compact", OPENCODE: "/compact", GEMINI: "/compress"}


def named(client: Client) -> str:
    """Return the name of a test with this client."""
    return client.name


@pytest.mark.parametrize("client", COMPACTING, ids=named)
def test_the_first_prompt_in_a_terminal_carries_the_briefing(client: Client, workshop: Workshop) -> None:
    workshop.sends("Which key is in use?")
    with Terminal(client, workshop.seat, "hello") as terminal:
        first = workshop.model.prompted("hello").text
        terminal.shows("Done.")
    assert first.count("you are @planner") == 1
    assert first.count("Which key is in use?") == 1
    assert len(workshop.model.prompts) == 1


@pytest.mark.parametrize("client", WAKING, ids=named)
def test_mail_starts_a_turn_in_an_idle_session(client: Client, workshop: Workshop) -> None:
    with Terminal(client, workshop.seat, "hello") as terminal:
        workshop.model.asked(1)
        until(lambda: idle(workshop.seat.root), lambda: terminal.screen)
        before = len(workshop.model.prompts)
        message = workshop.sends("Is the gate open?")
        woken = workshop.model.prompted("Is the gate open?", after=before)
    assert woken.last.count("Is the gate open?") == 1
    assert woken.last.count(message) == 1
    assert "from @builder · " in woken.last


@pytest.mark.parametrize("client", COMPACTING, ids=named)
def test_after_a_compaction_the_briefing_is_there_again(client: Client, workshop: Workshop) -> None:
    with Terminal(client, workshop.seat, "hello") as terminal:
        workshop.model.asked(1)
        terminal.shows("Done.")
        answers = workshop.model.answers
        terminal.types(COMPACTING[client])
        until(lambda: workshop.model.answers > answers, lambda: terminal.screen)
        terminal.types("Go on with it")
        prompt = workshop.model.prompted("Go on with it", after=1)
    assert prompt.text.count("you are @planner") == 1
