"""Exit codes and streams of the installed script, also when something breaks."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from .conftest import Team
from .shell import SCRIPT, Shell

ALONE = "no other agent is registered; those who register within seven days see this message in their inbox"


def test_words_go_to_standard_output_and_errors_to_standard_error(team: Team) -> None:
    sent = team.planner.run("send", "x", "--to", "@builder")
    assert (sent.code, sent.out.startswith("Message sent: msg_"), sent.err) == (0, True, "")
    refused = team.planner.run("send", "x", "--to", "@nobody")
    assert (refused.code, refused.out, refused.err.startswith("Error: unknown recipients: @nobody")) == (1, "", True)
    answer = team.planner.run("send", "x", "--to", "@nobody", "--json")
    assert (answer.code, answer.error["code"]) == (1, "unknown_recipient")


def test_a_warning_goes_to_standard_error_and_into_the_document(repository: Shell) -> None:
    repository.ok("quickstart", "--name", "solo", "--role", "lead", "--module", "core")
    spoken = repository.run("send", "Anybody?")
    assert (spoken.code, spoken.err) == (0, f"Warning: {ALONE}\n")
    assert repository.run("send", "Anybody?", "--json").data["warnings"] == [ALONE]


def test_a_wait_that_is_interrupted_exits_with_130_and_says_nothing(team: Team) -> None:
    waiting = team.builder.start("wait", "--timeout", "60s")
    try:
        while not any(agent["waiting"] for agent in team.planner.json("agent", "list")["agents"]["agents"]):
            assert waiting.poll() is None
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
    assert (waiting.returncode, out, err.strip()) == (130, b"", b"")


def test_a_reader_that_leaves_is_no_error_message(team: Team) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([SCRIPT, "inbox"], cwd=team.planner.cwd, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk_behind_standard_output_is_a_sentence(team: Team) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([SCRIPT, "inbox"], cwd=team.planner.cwd, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 2)
    assert done.stderr.startswith(b"Error: the answer could not be written: No space left on device\n")
    logs = Path(os.path.realpath(team.planner.cwd / ".thrum" / "var")) / "log"
    assert not list(logs.glob("crash-*"))


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_a_closed_stream_changes_nothing_but_what_is_seen(team: Team, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" send x --to @builder {closed}', SCRIPT],
        cwd=team.planner.cwd,
        env=team.planner.environ(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert team.builder.json("inbox")["total"] == 1


def test_what_nobody_foresaw_is_one_sentence_and_a_file(team: Team) -> None:
    shell = team.planner.having(THRUM_TESTING="1", THRUM_FAILPOINT="store.open:bug")
    answer = shell.run("inbox")
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 2)
    assert answer.err.startswith("Error: thrum failed: ValueError: ")
    (kept,) = (team.planner.cwd / ".thrum" / "var" / "log").glob("crash-*.txt")
    assert "Traceback" in kept.read_text()
    assert str(kept.resolve()) in answer.err
    assert shell.run("inbox", "--json").error["code"] == "internal"
    assert "Traceback" in shell.run("inbox", "--verbose").err
    assert shell.run("wait").code == 2


def test_a_store_that_does_not_say_which_it_is_is_damaged(team: Team) -> None:
    (team.planner.cwd / ".thrum" / "var" / "store.json").write_text("[]")
    assert team.planner.thrum("inbox", "--json").error["code"] == "damaged"


def test_an_answer_is_whole_when_standard_output_is_a_slow_pipe(team: Team) -> None:
    team.planner.ok("send", "--stdin", "--to", "@builder", stdin=b"x" * 900_000)
    answer = team.builder.run("inbox", "--json")
    assert len(answer.data["messages"][0]["body"]["content"]) == 900_000
