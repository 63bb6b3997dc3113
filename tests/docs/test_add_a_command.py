"""The guide `docs/guides/add-a-command.md` adds a command that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from .source_copy import ROOT, SourceCopy


@pytest.mark.timeout(400)
def test_the_guide_adds_a_command_that_passes_its_test(tmp_path: Path) -> None:
    SourceCopy(tmp_path).follow((ROOT / "docs" / "guides" / "add-a-command.md").read_text(encoding="utf-8"))
