"""Each client's own look at its servers, from the repository that `thrum init` set up and its user trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Workshop, needed
from .installed import AUGGIE, CLAUDE, TALKING, Client, Seat

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("client", TALKING, ids=lambda client: client.name)
def test_the_client_finds_its_server_healthy(client: Client, workshop: Workshop) -> None:
    output = client.run(workshop.seat, *client.health)
    assert client.healthy in output, output


def test_auggie_which_waits_a_third_of_a_second_gets_the_list_of_tools(repository: Path, tmp_path: Path) -> None:
    needed(AUGGIE)
    config = repository / ".augment" / "settings.json"
    written = json.loads(config.read_text())
    server = written["mcpServers"]["thrum"]
    log = tmp_path / "answers"
    line = f"tee -a '{tmp_path}/requests' | {server['command']} {' '.join(server['args'])} | tee -a '{log}'"
    server["command"], server["args"] = line, []  # between the two, so that what is said can be read
    config.write_text(json.dumps(written))
    seat = Seat(tmp_path, repository, 0)
    output = AUGGIE.run(seat, "tools", "list")
    assert "startup error" not in output
    assert '"send_message"' in log.read_text(), output


def test_a_plugin_that_claude_accepts(tmp_path: Path) -> None:
    needed(CLAUDE)
    toolkit = Path(__file__).resolve().parents[2] / "toolkit" / "plugin"
    output = CLAUDE.run(Seat(tmp_path, tmp_path, 0), "plugin", "validate", str(toolkit))
    assert "Validation passed" in output, output
