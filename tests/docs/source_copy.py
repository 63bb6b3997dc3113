"""A copy of the source tree in which a test follows a guide for developers.

A fenced block of a guide means, by its first line:

    ```python PATH      write this new file
    ```diff PATH        edit this file: lines with a minus are replaced by lines with a plus, after the lines before
    ```sh               run these commands; each must succeed
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.environs import unmeasured

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("thrum_store", "thrum_mcp", "cli", "toolkit", "docs", "tests", "pyproject.toml")
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class SourceCopy:
    """The tree at `root`, with the environment of the original."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in SOURCES:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, root / name)
        (root / ".venv").symlink_to(sys.prefix)

    def follow(self, guide: str) -> None:
        """Do everything that the guide's blocks say, from top to bottom."""
        for language, path, text in _BLOCK.findall(guide):
            if language == "diff":
                self._edit(self.root / path, text)
            elif path:
                self._write(self.root / path, text)
            elif language == "sh":
                self._run(text)

    def _write(self, path: Path, text: str) -> None:
        assert not path.exists(), f"{path} is not new"
        path.write_text(text, encoding="utf-8")

    def _edit(self, path: Path, diff: str) -> None:
        lines = diff.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{path} does not hold these lines once:\n{before}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def _run(self, commands: str) -> None:
        path = f"{self.root}{os.pathsep}{self.root / 'cli'}"
        done = subprocess.run(
            ["bash", "-euxc", commands],
            cwd=self.root,
            env=unmeasured(PYTHONPATH=path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
