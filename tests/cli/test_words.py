"""The words of the Go program that scripts look for, in the output of the command that they run."""

from __future__ import annotations

import shlex

import pytest

from .conftest import Team, gathered
from .shell import Answer, Shell

# A command line of planner, and what scripts search for in its output. MSG: a message to builder; GOT: one from it.
DONE = {
    "init": "initialized",
    "quickstart --intent Planning": "registered: @planner|Session started: ses_|Intent set: Planning",
    "whoami": "Agent ID:|Role:|Module:|Session:",
    "status": "Agent ID:|Role:|Session:|Inbox:|unread",
    "overview": "Agent ID:|Inbox:|Sync:",
    "prime": "Team: 2 agents (2 active)|Inbox: 1 unread (1 total)|Daemon:|Sync:|Session:",
    "send hello --to @builder": "Message sent: msg_",
    "send hello --broadcast": "Message sent: msg_",
    "message read GOT": "Marked 1 message as read",
    "reply GOT thanks": "Reply sent: msg_",
    "inbox --all": "Showing 1-|messages (",
    "inbox --scope no:thing": "No messages matching",
    "sent": "Showing 1-|@builder ",
    "sent show MSG": "Message: msg_|From:|Time:|Thread:|To:|Recipients:",
    "message get MSG": "Message: msg_|From:|Recipients:",
    "message edit MSG changed": "Message edited: msg_|(version 1)",
    "message delete MSG --force": "Message deleted: msg_",
    "purge --all": "Purge preview|Messages:|Sessions:|Events:|Run with --confirm to execute.",
    "agent list": "Registered agents (2):|active",
    "agent list --role nobody": "No agent",
    "agent context --branch none": "No active work contexts found",
    "agent register --name planner --role lead --module core --re-register": "registered: @planner",
    "agent cleanup": "No orphaned agents found.",
    "session start": "Session started: ses_",
    "session heartbeat": "Heartbeat sent:|heartbeat",
    "session set-intent Building": "Intent set: Building",
    "session set-intent ''": "Intent cleared",
    "agent set-task T1": "Task set: T1",
    "agent set-task ''": "Task cleared",
    "subscribe --all": "Subscription created: #1",
    "subscriptions": "Active subscriptions (1):",
    "unsubscribe 1": "Subscription #1 removed",
    "group create crew": "Group created: @crew",
    "group add crew @builder": "Added @builder to",
    "group add crew --role lead": "Added role:lead to",
    "group info crew": "Group: @crew|Members (2):|@builder|role:lead",
    "group members crew --expand": "Members (2):|Expanded (2 agents):",
    "group remove crew @builder": "Removed @builder from",
    "group delete crew": "Group deleted: @crew",
    "team": "● @builder|Branch",
    "who-has nothing.go": "No agents are currently editing nothing.go",
    "who-has edited.txt": "@builder is editing edited.txt",
    "ping @builder": "@builder: active, last heartbeat",
    "context save": "Context saved for @planner (5 bytes",
    "context show": "Context for @planner|5 bytes",
    "context sync": "Context synced for @planner",
    "context clear": "Context cleared for @planner",
    "context preamble --init": "Preamble saved for @planner",
    "roles list": "No role templates found",
    "roles deploy": "No matching templates",
    "runtime set-default codex": "Default runtime set to: codex",
    "sync status": "Sync loop:|Mode:|State:|Last sync:|local-only",
    "migrate": "No migration needed",
    "setup claude-md --apply": "Thrum section written to CLAUDE.md",
    "session end": "Session ended: ses_",
}
AGAIN = {
    "init": "already initialized",
    "setup claude-md --apply": "Skipped:",
    "message read --all": "No unread messages",
}
# What is refused, with the words of the error.
REFUSED = {
    "send x --broadcast --to @builder": "--broadcast and --to are mutually exclusive",
    "send x --to @nobody": "unknown recipients: @nobody",
    "reply msg_01HXE000000000000000000000 x": "not found",
    "message get msg_01HXE000000000000000000000": "not found",
    "message delete MSG": "--force to confirm deletion",
    "agent delete nobody": "agent not found",
    "agent cleanup --dry-run --force": "--dry-run and --force are mutually exclusive",
    "group info nothing": "not found",
    "group create everyone": "everyone",
    "group add everyone @builder": "everyone",
    "group add nothing": "member",
    "ping @nobody": "not found",
    "runtime show vim": "not found|unknown runtime",
    "init --runtime vim": "unknown runtime",
    "subscribe": "mutually exclusive",
    "subscribe --all --mention @builder": "mutually exclusive",
    "daemon stop": "daemon is not running",
    "frobnicate": "unknown command",
    "send --frobnicate": "unknown flag: '--frobnicate'",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """Return the answer to each line of planner, in their order; builder edits a file meanwhile."""
    team = gathered(tmp_path_factory.mktemp("words"))
    (team.builder.cwd / "edited.txt").write_text("x\n")
    ids = {
        "MSG": team.says("for scripts"),
        "GOT": str(team.builder.json("send", "for scripts", "--to", "@planner")["message_id"]),
    }
    lines = [*DONE, *(f"{line} # again" for line in AGAIN), *REFUSED]
    return {line: run(team.planner, line.removesuffix(" # again"), ids) for line in lines}


def run(shell: Shell, line: str, ids: dict[str, str]) -> Answer:
    """Return the answer to a line, with ids in the place of their names."""
    return shell.thrum(*(ids.get(word, word) for word in shlex.split(line)), stdin=b"notes")


def missing(words: str, text: str) -> list[str]:
    """Return the words that a text lacks."""
    return [word for word in words.split("|") if word not in text]


@pytest.mark.parametrize("line", DONE)
def test_the_words_of_the_go_program_stand_in_the_output(line: str, answers: dict[str, Answer]) -> None:
    assert answers[line].code == 0, answers[line]
    assert missing(DONE[line], answers[line].out) == [], answers[line].out


@pytest.mark.parametrize("line", AGAIN)
def test_they_stand_in_what_it_says_the_second_time(line: str, answers: dict[str, Answer]) -> None:
    assert missing(AGAIN[line], answers[f"{line} # again"].out) == [], answers[f"{line} # again"]


@pytest.mark.parametrize("line", REFUSED)
def test_they_stand_in_the_error_of_what_is_refused(line: str, answers: dict[str, Answer]) -> None:
    assert answers[line].code == 1 and answers[line].err.startswith("Error: "), answers[line]
    assert missing(REFUSED[line], answers[line].err) == [], answers[line].err


def test_a_wait_says_in_one_word_how_it_ended(team: Team) -> None:
    team.says("for scripts")
    received, timeout = team.builder.thrum("wait", "--timeout", "1s"), team.planner.thrum("wait", "--timeout", "1ms")
    assert (received.code, received.out.splitlines()[0], received.err) == (0, "MESSAGES_RECEIVED", "")
    assert (timeout.code, timeout.out, timeout.err.split(":")[0]) == (1, "", "NO_MESSAGES_TIMEOUT")
    assert team.planner.thrum("wait", "--timeout", "1ms", "--quiet") == Answer(1, "", "")


def test_before_init_the_words_name_what_is_missing(repository: Shell) -> None:
    assert "not initialized" in repository.thrum("whoami").err
    repository.ok("init")
    assert "thrum quickstart" in repository.thrum("whoami").err


def test_to_all_and_to_one_by_name_is_still_a_line(team: Team) -> None:
    assert "to @builder, @everyone" in team.planner.ok("send", "x", "--everyone", "--to", "@builder")
    assert "to @everyone" in team.planner.ok("send", "x", "-b")
