"""The MCP inspector knows the protocol and nothing of us: it lists the tools and holds a conversation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .installed import CLIENTS, NODE

pytestmark = pytest.mark.clients

INSPECTOR = CLIENTS / "inspector" / "node_modules" / ".bin" / "mcp-inspector"
ERAS = ("legacy", "modern")


@pytest.fixture(autouse=True)
def inspector() -> None:
    """Skip without the inspector; integration installs it."""
    if not INSPECTOR.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "the inspector is not installed: `make clients`"
        )


def ask(place: Path, era: str, method: str, *arguments: str) -> Any:
    """Return the inspector's output for one request to this worktree's server."""
    asked = ["--cli", "-q", "--format", "json", "--protocol-era", era, "--method", method, *arguments]
    done = subprocess.run(
        [INSPECTOR, *asked, Path(sys.executable).with_name("thrum"), "mcp", "serve"],
        cwd=place,
        env={**os.environ, "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    return answer.get("result", answer)


def call(place: Path, era: str, tool: str, **arguments: object) -> Any:
    """Call a tool and return its structured result."""
    result = ask(place, era, "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))
    return result["structuredContent"]


@pytest.mark.parametrize("era", ERAS)
def test_the_inspector_lists_eleven_tools_and_finds_their_schemas_portable(repository: Path, era: str) -> None:
    assert len(ask(repository, era, "tools/list", "--strict")["tools"]) == 11


@pytest.mark.parametrize("era", ERAS)
def test_two_inspectors_hold_a_conversation(repository: Path, era: str) -> None:
    builder = repository.parent / "feature"
    sent = call(repository, era, "send_message", to="@builder", content="Can you take the parser?")
    waited = call(builder, era, "wait_for_message", timeout=20)
    assert (waited["message"]["from"], waited["message"]["message_id"]) == ("planner", sent["message_id"])
    call(builder, era, "send_message", to="@planner", content="Yes.", reply_to=sent["message_id"])
    checked = call(repository, era, "check_messages")
    assert [(message["content"], message["reply_to"]) for message in checked["messages"]] == [
        ("Yes.", sent["message_id"])
    ]
