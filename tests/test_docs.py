"""The generated pages say what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GENERATED = [path for path in sorted((ROOT / "docs").glob("*.md")) if "[[[cog" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", GENERATED, ids=lambda path: path.stem)
def test_a_generated_page_is_what_it_would_be_written_as_now(page: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", str(page)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_pages_that_are_generated_are_these() -> None:
    assert [page.stem for page in GENERATED] == ["cli", "events", "json", "mcp", "promises", "rpc", "sql-views"]
