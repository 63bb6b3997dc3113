"""A guide, followed word for word: its console blocks run in one shell, and their output is compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_END = "-- end of command --"


@dataclass
class Step:
    """A command and what it should print; `[..]` stands for any part of a line."""

    command: str
    expected: list[str] = field(default_factory=list[str])

    def matches(self, printed: list[str]) -> bool:
        """Return whether this was printed, line for line."""
        patterns = [re.escape(line).replace(re.escape("[..]"), ".*") for line in self.expected]
        return re.fullmatch("\n".join(patterns), "\n".join(printed)) is not None


def steps(guide: str) -> list[Step]:
    """Return the commands of all console blocks; `> ` continues a command."""
    steps: list[Step] = []
    for line in (line for block in _BLOCK.findall(guide) for line in block.splitlines()):
        if line.startswith("$ "):
            steps.append(Step(line[2:]))
        elif line.startswith("> "):
            steps[-1].command += f"\n{line[2:]}"
        elif line.strip():
            steps[-1].expected.append(line.rstrip())
    return steps


class Session:
    """A bash in an empty directory, without the user's settings."""

    def __init__(self, home: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("THRUM_", "GIT_"))}
        names = {f"GIT_{who}_{key}": "reader" for who in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        self._bash = subprocess.Popen(
            [shutil.which("bash") or "bash", "--noprofile", "--norc"],
            cwd=home,
            env={
                **kept,
                **names,
                "HOME": str(home),
                "PATH": path,
                "COLUMNS": "100",
                "NO_COLOR": "1",
                "LC_ALL": "C.UTF-8",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> list[str]:
        """Return the lines that a command prints, without empty ones."""
        assert self._bash.stdin is not None and self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\nprintf '\\n%s\\n' '{_END}'\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        for line in self._bash.stdout:
            if line.rstrip() == _END:
                return [line for line in printed if line]
            printed.append(line.rstrip())
        raise AssertionError(f"the shell ended in {command!r}: {printed}")

    def close(self) -> None:
        """End the shell."""
        self._bash.communicate("exit\n", timeout=30)
