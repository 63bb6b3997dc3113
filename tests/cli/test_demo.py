"""The demonstration: real, short, and without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from tests.contract.manifest import requirement

from .shell import PATIENCE, SCRIPT, Shell, interruptible

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "demo.svg"


def environ(shell: Shell, scratch: Path) -> dict[str, str]:
    """Return an environment whose scratch directories are in `scratch`."""
    return {**shell.environ(), "TMPDIR": str(scratch)}


@requirement("demo")
def test_two_agents_talk_through_their_servers_and_nothing_is_left(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    answer = shell.run("demo", environ=environ(shell, tmp_path))
    assert (answer.code, answer.err) == (0, "")
    for seen in (
        "11 tools",
        "wait_for_message",
        "@builder: Yes, I have started.",
        "ms after the call",
        "answered (read",
    ):
        assert seen in answer.out
    assert list(tmp_path.iterdir()) == []
    picture = ElementTree.parse(PICTURE).getroot()
    drawn = {(text.text or "").replace("\xa0", " ") for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    headings = [line for line in answer.out.splitlines() if line[:1].isdigit() and line[1:3] == "  "]
    assert len(headings) == 7
    assert [heading for heading in headings if heading not in drawn] == []  # else run scripts/record-demo.py


def test_the_demonstration_answers_in_json_as_well(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    fields = shell.run("demo", "--json", environ=environ(shell, tmp_path)).data
    assert (fields["tools"], len(fields["messages"]), fields["statuses"]) == (11, 3, ["answered", "read"])
    assert fields["seconds"] < 15
    assert fields["events"] == 14


def test_variables_that_lead_git_elsewhere_do_not_concern_the_demonstration(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "config").write_text("[init]\n\ttemplateDir = /nowhere\n[core]\n\thooksPath = /nowhere\n")
    elsewhere = {"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere", "GIT_CONFIG_GLOBAL": str(tmp_path / "config")}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    answer = shell.run("demo", "--json", environ={**environ(shell, scratch), **elsewhere})
    assert (answer.code, answer.err) == (0, "")
    assert answer.data["statuses"] == ["answered", "read"]
    assert list(scratch.iterdir()) == []


def test_an_interrupted_demonstration_cleans_up(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    playing = subprocess.Popen(
        [SCRIPT, "demo"],
        cwd=tmp_path,
        env=environ(shell, tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=interruptible,
    )
    assert playing.stdout is not None
    try:
        while b"MCP server" not in playing.stdout.readline():
            assert playing.poll() is None
        os.killpg(playing.pid, signal.SIGINT)
        _, err = playing.communicate(timeout=PATIENCE)
    finally:
        playing.kill()
    assert (playing.returncode, err.strip()) == (130, b"")
    assert list(tmp_path.iterdir()) == []
