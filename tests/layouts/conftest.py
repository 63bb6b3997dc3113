"""A site of each layout, in which two agents have met."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .sites import LAYOUTS, Site


@pytest.fixture(scope="module", params=LAYOUTS)
def bare_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """A clone in one of the layouts, in which nobody has used thrum yet."""
    with tempfile.TemporaryDirectory(prefix="thrum-layout-") as folder:
        yield LAYOUTS[request.param](Path(folder).resolve())


@pytest.fixture(scope="module")
def site(bare_site: Site) -> Site:
    """The clone, with planner registered in its first worktree and builder in the other one."""
    bare_site.planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    bare_site.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    return bare_site
