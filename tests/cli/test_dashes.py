"""A text may begin with a dash: a word is an option only if it is written as one."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.cli.conftest import Team

TEXTS = [
    "- [ ] check the tokens",
    "--- a/x.py",
    "-1",
    "->",
    "--force is needed",
    "-é",
    "- a\n- b",
    "---",
    "-- x",
    "-5%",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_begins_with_a_dash_is_sent_as_it_is(team: Team, text: str) -> None:
    sent = team.planner.thrum("send", text, "--to", "@builder", "--json")
    assert sent.code == 0, sent
    reply = team.builder.thrum("reply", sent.data["message_id"], text, "--json")
    assert reply.code == 0, reply
    contents = [message["body"]["content"] for message in team.planner.thrum("inbox", "--json").data["messages"]]
    assert text in contents


@pytest.mark.parametrize("text", [text for text in TEXTS if "\n" not in text])
def test_click_reads_such_a_text_as_the_small_reader_does(team: Team, text: str) -> None:
    for words in (
        ("session", "set-intent", text),
        ("agent", "set-task", text),
        ("--verbose", "send", "--everyone", text),
    ):
        answer = team.planner.thrum(*words)
        assert answer.code == 0, answer


def test_the_text_of_an_edit_and_words_to_search_for_may_begin_with_a_dash(team: Team) -> None:
    message_id = team.says("x")
    assert team.planner.thrum("message", "edit", message_id, "- better").code == 0
    assert "better" in team.planner.thrum("search", "- better").out


def test_a_dash_alone_reads_standard_input(team: Team) -> None:
    sent = team.planner.thrum("send", "-", "--to", "@builder", stdin=b"- from a pipe\n")
    assert sent.code == 0, sent
    assert "- from a pipe" in team.builder.thrum("inbox").out


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("-x", "-x"), ("--page_size --to @builder", "--page_size"), ("--to=@builder -no", "-no"),
        ("--no-such-option=1 --everyone", "--no-such-option=1"),
    ],
)  # fmt: skip
def test_a_text_that_looks_like_an_option_is_sent_by_the_line_of_the_hint(team: Team, words: str, sent: str) -> None:
    refused = team.planner.thrum("send", *words.split())
    assert refused.code != 0
    assert "unknown flag: " in refused.err
    command = re.findall(r"`([^`]+)`", refused.err)[-1]
    assert team.planner.thrum(*shlex.split(command)[1:]).code == 0
    assert f"    {sent}" in team.builder.thrum("inbox", "--all").out


@pytest.mark.parametrize("words", ["hi --brodcast", "hi -x", "hi --no-such-option", "--too=@q hi"])
def test_a_misspelt_option_beside_a_text_is_no_text(team: Team, words: str) -> None:
    refused = team.planner.thrum("send", *words.split())
    assert refused.err.splitlines()[1:] == ["Try: `thrum send --help`"]


def test_after_two_dashes_every_word_is_a_text(team: Team) -> None:
    assert team.planner.thrum("send", "--to", "@builder", "--", "--json").code == 0
    assert "--json" in team.builder.thrum("inbox").out
