"""--json, on every command: one document on standard output and nothing else, for success, for nothing, for errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.manifest import requirement
from thrum_cli.command import LazyGroup

from .conftest import Team
from .shell import Shell
from .test_help import EVERY

# What speaks line by line while it runs, or serves; they answer with no document of their own.
STREAMS = {("mcp", "serve"), ("daemon", "run"), ("hook",), ("listen",), ("watch",)}
LEAVES = [
    words
    for words, one in EVERY.items()
    if words not in STREAMS and (words == ("sent",) or not isinstance(one, LazyGroup))
]

# A command line of each that succeeds for planner, who wrote MSG to builder and got GOT from it.
LINES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("setup", "worktree"): ("../feature",),
    ("send",): ("x",),
    ("reply",): ("GOT", "x"),
    ("sent", "show"): ("MSG",),
    ("wait",): ("--after", "-1h", "--timeout", "1s"),
    ("purge",): ("--all",),
    ("message", "get"): ("MSG",),
    ("message", "edit"): ("MSG", "x"),
    ("message", "delete"): ("MSG", "--force"),
    ("message", "read"): ("--all",),
    ("subscribe",): ("--all",),
    ("unsubscribe",): ("1",),
    ("agent", "set-intent"): ("x",),
    ("agent", "set-task"): ("x",),
    ("agent", "delete"): ("builder", "--force"),
    ("session", "set-intent"): ("x",),
    ("session", "set-task"): ("x",),
    ("group", "create"): ("fresh",),
    ("group", "delete"): ("backend",),
    ("group", "add"): ("backend", "@builder"),
    ("group", "remove"): ("backend", "@planner"),
    ("group", "info"): ("backend",),
    ("group", "members"): ("backend", "--expand"),
    ("who-has",): ("README.md",),
    ("ping",): ("@builder",),
    ("search",): ("Port",),
    ("completion",): ("bash",),
    ("runtime", "show"): ("claude",),
    ("runtime", "set-default"): ("codex",),
}
# What fails for planner as it stands: there is no daemon, no remote, no client to wake.
FAIL = {
    ("daemon", "stop"), ("daemon", "status"), ("daemon", "restart"), ("daemon", "logs"), ("sync", "force"),
    ("doctor", "wake"),
}  # fmt: skip
SLOW = {("daemon", "start"), ("daemon", "restart"), ("demo",)}  # tests of their own run them


def talk(team: Team) -> dict[str, str]:
    """The ids of a message each way, and a group, a subscription."""
    team.planner.ok("group", "create", "backend")
    team.planner.ok("group", "add", "backend", "@planner")
    team.planner.ok("subscribe", "--scope", "module:auth")
    got = team.builder.json("send", "Port 8080", "--to", "@planner")["message_id"]
    return {"MSG": team.says("Port 8443"), "GOT": str(got)}


def filled(words: tuple[str, ...], ids: dict[str, str]) -> list[str]:
    """What follows a command so that it succeeds."""
    return [ids.get(word, word) for word in LINES.get(words, ())]


@requirement("flag:json")
@pytest.mark.parametrize("words", [one for one in LEAVES if one not in SLOW], ids=" ".join)
def test_an_answer_is_one_document(team: Team, words: tuple[str, ...]) -> None:
    answer = team.planner.thrum(*words, *filled(words, talk(team)), "--json", stdin=b"notes")
    told: dict[str, Any] = answer.data
    assert isinstance(told, dict)
    if "error" in told:
        assert words in FAIL and set(told["error"]) == {"code", "message", "hint"}, told
    else:
        assert answer.code == 0 or words in FAIL


@requirement("flag:json")
@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_line_that_cannot_be_read_is_an_error_document(repository: Shell, words: tuple[str, ...]) -> None:
    answer = repository.thrum(*words, "--no-such-flag", "--json")
    assert answer.error["code"] == "usage" and answer.error["message"] and "--help" in answer.error["hint"]
    assert answer.code == (2 if words == ("wait",) else 1)


@requirement("flag:json")
@pytest.mark.parametrize("words", [one for one in LEAVES if one != ("demo",)], ids=" ".join)
def test_outside_of_a_repository_there_is_one_document_as_well(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = Shell(tmp_path).thrum(*words, *LINES.get(words, ()), "--json", stdin=b"notes")
    told = answer.data
    assert isinstance(told, dict)
    if answer.code and "error" in told:
        assert told["error"]["code"] == "not_a_repository" and told["error"]["hint"]


@requirement("flag:json")
@pytest.mark.parametrize(
    "words", [("message",), ("group",), ("agent",), ()], ids=lambda words: " ".join(words) or "thrum"
)
def test_a_group_without_a_command_is_an_error_document(repository: Shell, words: tuple[str, ...]) -> None:
    assert repository.thrum(*words, "--json").error["code"] == "usage"


def test_what_the_lines_are_for_exists() -> None:
    assert set(LINES) | FAIL | SLOW | STREAMS <= set(EVERY)
