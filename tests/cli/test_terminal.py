"""Output on a terminal: boxes of its width, colour unless it is unwanted, and no control characters from others."""

from __future__ import annotations

import re
import sys

import pytest

from tests.contract.manifest import requirement
from thrum_cli.terminal import output
from thrum_store.log.events import Draft
from thrum_store.repository import paths
from thrum_store.store import open_store

from .conftest import Team
from .shell import Shell
from .terminal import seen

INTENT = "日本語テキスト 👍🏽 🛠️ [bold red]not bold[/] :smile: " * 4
LOOKS = [
    ("team",), ("team", "--all"), ("overview",), ("prime",), ("status",), ("whoami",), ("agent", "list"),
    ("agent", "list", "--context"), ("group", "list"), ("group", "info", "backend"), ("group", "members", "backend"),
    ("session", "list"), ("doctor",), ("runtime", "list"), ("runtime", "show", "claude"), ("config", "show"),
]  # fmt: skip
HEADINGS = {
    "AGENT", "ROLE", "MODULE", "STATUS", "SEEN", "HOST", "WORKTREE", "SESSION", "STARTED", "BRANCH", "UNREAD", "INTENT",
}  # fmt: skip
WHETHER = "import sys; from thrum_cli.main import main; main(sys.argv[1:]); print('rich' in sys.modules)"
IMPATIENT = (
    "import sys; from thrum_cli.terminal import progress; from thrum_cli import main; "
    "progress._PATIENCE = 0; sys.exit(main.main(sys.argv[1:]))"
)
LOADED = (sys.executable, "-c", WHETHER)


@pytest.fixture
def busy(team: Team) -> Team:
    """A team that has something to show."""
    team.planner.ok("session", "set-intent", INTENT)
    team.builder.ok("session", "set-intent", INTENT)
    team.planner.ok("group", "create", "backend", "--description", INTENT)
    team.planner.ok("group", "add", "backend", "@builder")
    team.says(INTENT)
    return team


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_boxes_close_at_one_edge_within_the_terminal(busy: Team, words: tuple[str, ...], columns: int) -> None:
    screen = seen(busy.planner.having(NO_COLOR="1"), *words, columns=columns)
    boxed = [line for line in screen.splitlines() if line[:1] in ("╭", "│", "├", "╰")]
    assert boxed and "\x1b" not in screen
    assert [line for line in boxed if line[-1:] not in ("╮", "│", "┤", "╯") or output.cells(line) > columns] == []
    for box in re.findall(r"^╭.*?^╰.*?$", screen, re.MULTILINE | re.DOTALL):
        assert len({output.cells(line) for line in box.splitlines()}) == 1


@pytest.mark.parametrize("columns", [40, 50, 64])
@pytest.mark.parametrize("words", [("agent", "list"), ("session", "list"), ("overview",)], ids=" ".join)
def test_no_heading_and_no_name_breaks_on_a_narrow_terminal(team: Team, words: tuple[str, ...], columns: int) -> None:
    screen = seen(team.planner.having(NO_COLOR="1"), *words, columns=columns)
    assert re.search(r"@builder\b", screen) and re.search(r"implementer\b|Started\b|STARTED\b", screen)
    assert all(output.cells(line) <= columns for line in screen.splitlines())
    for head in re.findall(r"^╭─*┬.*\n(.*)", screen, re.MULTILINE):
        assert set(head.split()) - {"│"} <= HEADINGS


@pytest.mark.parametrize("words", [("team",), ("overview",), ("group", "list")], ids=" ".join)
def test_what_somebody_wrote_is_shown_as_it_is_written(busy: Team, words: tuple[str, ...]) -> None:
    screen = seen(busy.planner, *words, columns=120)
    assert "[bold red]not bold[/] :smile:" in screen.replace("\n", " ")
    assert set(re.findall(r"\x1b[^m]*m", screen)) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"}


@requirement("color")
def test_colour_is_for_terminals_that_want_it(busy: Team) -> None:
    assert "\x1b[32m●" in seen(busy.planner, "agent", "list")
    assert "\x1b" not in seen(busy.planner.having(NO_COLOR="1"), "agent", "list")
    assert "\x1b" not in seen(busy.planner.having(TERM="dumb"), "agent", "list")
    assert "\x1b" not in busy.planner.run("agent", "list").out


@pytest.mark.parametrize("words", [("agent", "list"), ("team",), ("status",)], ids=" ".join)
def test_a_pipe_gets_plain_columns(busy: Team, words: tuple[str, ...]) -> None:
    assert not set("╭│╰─") & set(busy.planner.run(*words).out)
    assert not set("╭│╰─") & set(seen(busy.planner.having(TERM="dumb"), *words))


def test_mail_is_shown_without_rich_even_on_a_terminal(busy: Team) -> None:
    for words in (("inbox",), ("send", "x"), ("wait", "--after", "-1h")):
        assert seen(busy.builder, *words, script=LOADED).endswith("False\n")
    assert seen(busy.builder, "team", script=LOADED).endswith("True\n")


@pytest.mark.parametrize("words", [("team",), ("overview",), ("prime",), ("status",)], ids=" ".join)
def test_a_panel_takes_the_whole_width(busy: Team, words: tuple[str, ...]) -> None:
    screen = seen(busy.planner.having(NO_COLOR="1"), *words, columns=140)
    assert max(output.cells(line) for line in screen.splitlines()) == 140


EMPTY = [
    ("inbox",), ("inbox", "--unread"), ("sent",), ("search", "nothing"), ("subscriptions",), ("context", "show"),
    ("context", "preamble"), ("roles", "list"), ("migrate",), ("doctor", "runtimes"), ("session", "list", "--active"),
    ("runtime", "show", "claude"), ("prime",), ("message", "get", "msg_0"),
]  # fmt: skip


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_sentences_are_folded_between_words(repository: Shell, words: tuple[str, ...]) -> None:
    repository.ok("init", "--agent-name", "solo", "--agent-role", "r", "--agent-module", "m")
    plain = repository.having(NO_COLOR="1")
    whole = re.sub(r"\s+", " ", seen(plain, *words, columns=400))
    screen = seen(plain, *words, columns=48)
    assert [line for line in screen.splitlines() if output.cells(line) > 48] == []
    sentences = [line for line in screen.splitlines() if line[:1] not in ("╭", "│", "├", "╰")]
    assert re.sub(r"\s+", " ", " ".join(sentences)).strip() in whole


def test_a_text_to_copy_is_not_folded(repository: Shell) -> None:
    repository.ok("init")
    copied = seen(repository, "setup", "claude-md", columns=48)
    assert copied.strip() == repository.ok("setup", "claude-md").strip()


def test_an_empty_list_draws_no_box(repository: Shell) -> None:
    repository.ok("init")
    assert seen(repository, "agent", "list").startswith("No agents registered yet.")


def lost(team: Team) -> None:
    """A thousand events, and no view of them any more."""
    sent = team.says("Look at this")
    with open_store(paths.initialized(str(team.builder.cwd))) as store, store.writing("builder") as shard:
        shard.append(*[Draft("message.read", {"messages": [sent]})] * 1000)
    for path in (team.planner.cwd / ".thrum" / "var").glob("*.db*"):
        path.unlink()


def test_a_person_sees_how_far_it_is_while_a_lost_view_is_made_anew(team: Team) -> None:
    lost(team)
    script = (sys.executable, "-c", IMPATIENT)
    screen = seen(team.builder, "inbox", script=script)
    assert screen.index("1,000 events so far") < screen.index("Look at this")
    assert "events so far" not in seen(team.builder, "inbox", script=script)
    lost(team)
    assert "events so far" not in seen(team.builder, "inbox", "--quiet", script=script)


def test_a_person_sees_how_far_the_search_index_is(team: Team) -> None:
    team.says("Look at this")
    script = (sys.executable, "-c", IMPATIENT)
    screen = seen(team.builder, "search", "look", script=script)
    assert screen.index("1 messages indexed so far") < screen.index("Look at this")
    assert "indexed" not in seen(team.builder, "search", "look", script=script)


def test_a_pipe_gets_nothing_but_the_answer_while_a_lost_view_is_made_anew(team: Team) -> None:
    lost(team)
    assert team.builder.json("inbox")["total"] == 1
