"""The guide that adds an event type: its changes apply to the sources, and the event travels as it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environs import unmeasured

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guides" / "add-an-event.md").read_text(encoding="utf-8")
SHIPPED = ("thrum_store", "tests/view", "tests/conftest.py", "tests/canonical.py", "pyproject.toml")


def blocks(language: str) -> list[str]:
    """Return the code blocks of the guide in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources with the guide's changes."""
    for name in SHIPPED:
        target = tmp_path / "sources" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    for change in blocks("diff"):
        subprocess.run(
            ["git", "apply", "--recount", "--unidiff-zero", "-"],
            cwd=tmp_path / "sources", input=change, text=True, check=True,
        )  # fmt: skip
    return tmp_path / "sources"


def python(sources: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with the changed sources before the installed ones."""
    environ = unmeasured(PYTHONPATH=str(sources), PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd or sources, env=environ, capture_output=True, text=True, check=False)


def test_the_event_travels_through_log_view_rebuild_and_purge(sources: Path, tmp_path: Path) -> None:
    (program,) = blocks("python")
    subprocess.run(["git", "init", "-q", "--initial-branch=main", str(tmp_path / "repo")], check=True)
    prepare = "from thrum_store import setup; from thrum_store.repository import paths; "
    prepare += "setup.initialize(paths.find('.'), setup.Initialize())\n"
    done = python(sources, "-c", prepare + program, cwd=tmp_path / "repo")
    assert (done.returncode, done.stderr) == (0, "")


def test_its_sample_is_tested_with_those_of_the_others(sources: Path) -> None:
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/view/test_event_rules.py", "-k", "message.move")
    done = python(sources, *arguments)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_without_the_guide_there_is_no_such_event() -> None:
    assert "message.move" not in (ROOT / "thrum_store" / "log" / "events.py").read_text(encoding="utf-8")
