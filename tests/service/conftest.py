"""A place for the services."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.places import Place, made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A repository with one commit on main, and a store whose clock the test moves."""
    return made(tmp_path)
