"""A real edit in a real client: its model reads who else has the file, and the others see the edit at once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from .conftest import Workshop
from .dialects import Call, Say
from .installed import CLAUDE, CODEX, GEMINI, OPENCODE, Client, Seat
from .terminal import until


def _lets_claude_edit(seat: Seat) -> None:
    CLAUDE.trust(seat)
    seat.writes(".claude/settings.json", json.dumps({"permissions": {"allow": ["Edit"]}}))


def _lets_codex_edit(seat: Seat) -> None:
    CODEX.trust(seat)
    config = seat.home / ".codex" / "config.toml"  # apply_patch is offered only to models that Codex knows
    config.write_text(config.read_text().replace('model = "mock"', 'model = "gpt-5.5"'))


EDITING = (
    replace(CLAUDE, trust=_lets_claude_edit),
    replace(GEMINI, once=(*GEMINI.once, "--approval-mode", "auto_edit")),
    OPENCODE,
    replace(CODEX, trust=_lets_codex_edit, once=("exec", "--json", "--sandbox", "workspace-write", "{prompt}")),
)
PATCH = "*** Begin Patch\n*** Update File: app.py\n@@\n-one\n+two\n*** End Patch\n"
READING = {"claude": ("Read", "file_path"), "gemini": ("read_file", "file_path"), "opencode": ("read", "filePath")}
CHANGING = {
    "claude": ("Edit", {"old_string": "one", "new_string": "two"}),
    "gemini": ("replace", {"old_string": "one", "new_string": "two", "instruction": "count on"}),
    "opencode": ("edit", {"oldString": "one", "newString": "two"}),
}


def edit(workshop: Workshop) -> tuple[Call, Call]:
    """Return the calls that read app.py and replace "one" by "two" in it."""
    if workshop.client.name == "codex":
        return Call("exec_command", {"cmd": "cat app.py"}), Call("apply_patch", text=PATCH)
    reads, named = READING[workshop.client.name]
    changes, replacement = CHANGING[workshop.client.name]
    file = {named: str(workshop.seat.root / "app.py")}
    return Call(reads, file), Call(changes, file | replacement)


def seen(workshop: Workshop) -> tuple[bool, bool]:
    """Return whether `team` shows builder a change of planner's, and whether `who-has app.py` names planner."""
    (planner,) = [member for member in workshop.builder.json("team")["members"] if member["agent_id"] == "planner"]
    holders = [context["agent_id"] for context in workshop.builder.json("who-has", "app.py")["contexts"]]
    return planner["uncommitted_files"] > 0, "planner" in holders


@pytest.mark.clients
@pytest.mark.parametrize("client", EDITING, ids=lambda client: client.name)
def test_whoever_edits_a_file_reads_who_has_it_uncommitted_and_is_seen_at_once(
    client: Client, workshop: Workshop
) -> None:
    (workshop.builder.cwd / "app.py").write_text("theirs\n")
    known: list[tuple[bool, bool]] = []
    reads, changes = edit(workshop)
    workshop.model.plays(
        reads,
        lambda: known.append(seen(workshop)),
        changes,
        lambda: until(lambda: all(seen(workshop)), lambda: str(seen(workshop))),  # Claude does not wait for this hook
        lambda: known.append(seen(workshop)),
        Say("Done."),
    )
    output = client.work(workshop.seat, "hello")
    assert (workshop.seat.root / "app.py").read_text() == "two\n", output
    assert known == [(False, False), (True, True)], output
    assert len(workshop.model.prompts) == 3, output
    before, after = workshop.model.prompts[1:]
    assert "uncommitted changes" not in before.text
    assert after.last.count("@builder has uncommitted changes to app.py on branch feature") == 1
