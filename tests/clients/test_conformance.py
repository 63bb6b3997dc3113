"""The suite of the protocol's own authors, as far as it asks for what any server has.

Its other scenarios want a server with tools made for them, or ask about HTTP, which this server does not speak.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .bridge import Bridge
from .installed import CLIENTS, NODE
from .model import PATIENCE

pytestmark = pytest.mark.clients

SUITE = CLIENTS / "conformance" / "node_modules" / ".bin" / "conformance"
SCENARIOS = (
    "server-initialize", "server-session-lifecycle", "ping", "tools-list", "resources-list", "prompts-list", "caching",
    "sep-2164-resource-not-found",
)  # fmt: skip


@pytest.fixture
def url(repository: Path) -> Iterator[str]:
    """Return the address of planner's server."""
    if not SUITE.exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "the conformance suite is not installed: `make clients`"
        )
    with Bridge([str(Path(sys.executable).with_name("thrum")), "mcp", "serve"], repository) as bridge:
        yield bridge.url


def test_the_server_passes_the_conformance_suite(url: str) -> None:
    for scenario in SCENARIOS:
        done = subprocess.run(
            [SUITE, "server", "--url", url, "--scenario", scenario],
            env={**os.environ, "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert (done.returncode, " 0 failed, 0 warnings" in done.stdout) == (0, True), done.stdout
