"""Whole commands from start to exit; floor: the interpreter with the libraries that any such command needs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .measuring import Row, paired, repository, shown

_THRUM = str(Path(sys.executable).with_name("thrum"))
_FLOOR = [sys.executable, "-c", "import click, sqlite3, json"]
_BARE = [sys.executable, "-c", "pass"]


def measure() -> Iterator[Row]:
    """The rows of this page."""
    with repository() as (paths, (sender, reader)):
        for title, name, arguments in (
            ("thrum send", sender.name, ["send", "ready for review", "--to", f"@{reader.name}"]),
            ("thrum inbox", reader.name, ["inbox", "--unread"]),
            ("thrum wait, found", reader.name, ["wait", "--after", "-1h", "--timeout", "1s"]),
        ):
            ours, floor, ratio = paired(_run([_THRUM, *arguments], paths.root, name), _run(_FLOOR, paths.root), 31)
            yield Row(title, shown(ours), f"{shown(floor)} import click, sqlite3, json", ratio, "≤ 1.3")
        hook, floor, ratio = paired(
            _run([_THRUM, "hook", "prompt", "--runtime", "claude"], paths.root, sender.name),
            _run(_BARE, paths.root),
            31,
        )
        yield Row("thrum hook, nothing to say", shown(hook), f"{shown(floor)} python -c pass", ratio, "≤ 1.8")


def _run(command: list[str], place: str, name: str = "") -> Callable[[], object]:
    environment = {"PATH": "/usr/bin:/bin", "THRUM_NAME": name, "HOME": place}
    return lambda: subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)
