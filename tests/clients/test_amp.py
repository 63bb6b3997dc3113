"""Amp, as far as it goes without an account: it reads the server's configuration, and its runtime runs the plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import Shell

from .amphost import Host, loads
from .conftest import needed
from .installed import AMP, Seat
from .terminal import idle, until

pytestmark = pytest.mark.clients


@pytest.fixture
def seat(repository: Path, tmp_path: Path) -> Seat:
    """Amp in planner's worktree."""
    needed(AMP)
    home = tmp_path / "home"
    home.mkdir()
    return Seat(home, repository, 0)


def plugin(seat: Seat) -> Path:
    """Return the plugin as `thrum init` wrote it."""
    return seat.root / ".amp" / "plugins" / "thrum.ts"


def test_amp_lists_the_server_and_loads_the_plugin_but_not_a_broken_one(seat: Seat) -> None:
    assert "thrum  command" in AMP.run(seat, "mcp", "list")
    assert loads(seat, plugin(seat)).returncode == 0
    broken = seat.home / "broken.ts"
    broken.write_text(plugin(seat).read_text().replace("export default", "export default )"))
    assert loads(seat, broken).returncode == 1


def test_in_amps_runtime_the_plugin_briefs_warns_shows_goes_on_and_wakes(seat: Seat) -> None:
    builder = Shell(seat.root.parent / "feature")
    (builder.cwd / "app.py").write_text("theirs\n")
    edit = {"tool": "edit_file", "input": {"path": str(seat.root / "app.py"), "old_str": "one", "new_str": "two"}}
    with Host(seat, plugin(seat)) as amp:
        assert "you are @planner" in amp.tell("agent.start", message="hello", id="1")["message"]["content"]
        assert amp.tell("tool.call", toolUseID="1", **edit) == {"action": "allow"}
        edited = amp.tell("tool.result", toolUseID="1", status="done", output="edited", **edit)["output"]
        assert edited.count("@builder has uncommitted changes to app.py on branch feature") == 1
        builder.ok("send", "Is the gate open?", "--to", "@planner")
        other = {"tool": "Read", "input": {"path": "app.py"}, "status": "done", "output": "one"}
        assert amp.tell("tool.result", toolUseID="2", **other)["output"].count("Is the gate open?") == 1
        assert amp.tell("tool.result", toolUseID="3", **other) is None
        builder.ok("send", "One thing more", "--to", "@planner")
        assert amp.tell("agent.end", status="done")["userMessage"].count("One thing more") == 1
        assert amp.tell("agent.end", status="done") is None
        until(lambda: idle(seat.root), lambda: "no listener")
        builder.ok("send", "Wake up", "--to", "@planner")
        assert amp.hears_of_a_message().count("Wake up") == 1
