"""--quiet: the answer of a command that answers stays, and everything else is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.manifest import requirement
from thrum_cli.command import Group, loaded
from thrum_cli.root import thrum
from thrum_cli.terminal.output import human

from .conftest import Team
from .shell import Answer, git


@requirement("flag:quiet")
def test_what_only_says_that_something_was_done_is_dropped(team: Team, tmp_path: Path) -> None:
    message = team.says("hello")
    notes = tmp_path / "notes.md"
    notes.write_text("x\n")
    for words in (
        ("send", "x", "--to", "@planner"), ("reply", message, "yes"), ("message", "read", "--all"),
        ("group", "create", "crew"), ("group", "add", "crew", "--role", "lead"), ("group", "delete", "crew"),
        ("session", "start"), ("session", "heartbeat"), ("agent", "set-intent", "Look"), ("session", "end"),
        ("context", "save", "--file", str(notes)), ("context", "clear"), ("config", "set", "local_only", "true"),
        ("init",), ("quickstart",), ("setup", str(team.builder.cwd)), ("setup", "claude-md", "--apply"),
        ("agent", "register", "--re-register"), ("subscribe", "--all"), ("unsubscribe", "1"), ("sync", "force"),
        ("export", "--to", str(tmp_path / "out.db")), ("runtime", "set-default", "claude"),
    ):  # fmt: skip
        assert team.builder.thrum("--quiet", *words) == Answer(0, "", ""), words
        assert team.builder.thrum(*words[:1], "--quiet", *words[1:]).out == "", words


@requirement("flag:quiet")
def test_the_answer_of_a_command_that_answers_stays(team: Team) -> None:
    message = team.says("hello")
    for words, answer in (
        (("inbox",), "hello"), (("inbox", "--unread"), message), (("whoami",), "@builder"),
        (("message", "get", message), "hello"), (("query", "SELECT content FROM messages"), "hello"),
        (("agent", "list"), "planner"), (("group", "list"), "everyone"), (("status",), "builder"),
        (("team",), "planner"),
        (("version",), "thrum"), (("config", "show"), "config.json"), (("who-has", "nothing.py"), "currently editing"),
        (("search", "hello"), message), (("daemon", "status"), "not running"), (("sync", "status"), "local-only"),
        (("wait", "--timeout", "0s"), message), (("context", "preamble", "--init"), ""), (("prime",), "hello"),
        (("ping", "@planner"), "planner"), (("runtime", "list"), "claude"), (("setup", "claude-md"), "thrum"),
        (("init", "--dry-run"), ""), (("purge", "--all"), "would purge"), (("doctor",), ""),
        (("session", "list"), "ses_"),
        (("completion", "bash"), "thrum"), (("send", "--help"), "Usage"),
    ):  # fmt: skip
        quiet = team.builder.thrum(*words, "--quiet")
        assert answer in quiet.out, (words, quiet)


@requirement("flag:quiet")
def test_hints_and_notices_go_with_it(team: Team) -> None:
    team.says("hello")
    for words in (("inbox",), ("wait", "--timeout", "0s", "--after", "-60s"), ("daemon", "status"), ("whoami",)):
        assert "thrum " in team.builder.thrum(*words).out or words == ("whoami",)
        assert "thrum " not in team.builder.thrum(*words, "--quiet").out, words
    for shell, empty in ((team.planner, "inbox"), (team.builder, "sent"), (team.builder, "subscriptions")):
        assert shell.thrum(empty, "--quiet") == Answer(0, "", ""), empty
    assert team.planner.thrum("inbox", "--quiet") == Answer(0, "", "")
    assert team.planner.thrum("wait", "--timeout", "0s", "--quiet") == Answer(1, "", "")


@requirement("flag:quiet")
def test_errors_stay_and_json_is_as_it_is(team: Team) -> None:
    quiet = team.planner.thrum("send", "x", "--to", "@nobody", "--quiet")
    assert (quiet.code, quiet.out, quiet.err[:6]) == (1, "", "Error:")
    assert team.planner.thrum("send", "x", "--quiet", "--json").data["resolved_to"] == 1
    assert team.planner.json("inbox", "--quiet")["total"] == 0


@requirement("flag:quiet")
def test_a_worktree_that_did_not_answer_is_named_with_quiet_too(team: Team) -> None:
    git(team.planner.cwd, "config", "extensions.worktreeConfig", "true")
    git(team.builder.cwd, "config", "--worktree", "core.bare", "true")
    for words in (("who-has", "README.md"), ("team", "--all")):
        assert "Git cannot answer for the worktree feature" in team.planner.thrum(*words, "--quiet").out, words


def test_every_report_belongs_to_a_command_and_is_rendered() -> None:
    groups = [thrum]
    while groups:
        members = [loaded(entry) for entry in groups.pop().entries.values()]
        groups += [member for member in members if isinstance(member, Group)]
    assert human.reports and human.reports <= human.registry.keys()
    assert {"Sent", "Registered", "Saved", "Marked"} <= {report.__name__ for report in human.reports}


@pytest.mark.parametrize("words", [("agent", "cleanup", "--dry-run"), ("uninit", "--dry-run")], ids=str)
def test_a_dry_run_answers(team: Team, words: tuple[str, ...]) -> None:
    team.planner.ok("init", "--runtime", "claude", "--quiet")
    git(team.planner.cwd, "worktree", "remove", "--force", str(team.builder.cwd))
    assert team.planner.thrum(*words, "--quiet").out.strip(), words
