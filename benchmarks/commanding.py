"""Commands on a repository with 100,000 messages of a hundred agents; floor: the start of the command's own imports.

The floor is the same interpreter loading the modules that the command loads, and ending as it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from thrum_store import values
from thrum_store.repository.paths import VIEW_POINTER
from thrum_store.store import open_store

from .measuring import Row, paired, repository, shown
from .reading import AGENTS, write_logs

MESSAGES = int(os.environ.get("THRUM_BENCH_MESSAGES", "100000"))
PROMPT = ("team", "status", "prime", "inbox")  # answer within 150 ms
OTHERS = (
    "overview", "sent", "agent list", "agent list --context", "session list", "group list", "group members everyone",
    "ping a1", "who-has README.md", "whoami", "search pushed", "search pushed --from a9 --limit 5",
    "search pushed --best", "search pushed --to a9", "search pushed --mine", "inbox --all", "inbox --mentions",
    "sent --to a9", "team --all", "agent context", "agent cleanup --dry-run", "context show", "runtime list", "version",
    "roles list", "config show", "subscriptions", "sync status", "doctor", "purge --all",
)  # fmt: skip
_THRUM = str(Path(sys.executable).with_name("thrum"))
_LOADED = """
import sys
before = set(sys.modules)
from thrum_cli.main import main
import os
output, sys.stdout = sys.stdout, open(os.devnull, "w")
main(sys.argv[1:])
print(" ".join(name for name in sys.modules if name not in before and "__main__" not in name), file=output)
"""


def measure() -> Iterator[Row]:
    """The rows of this page."""
    with repository(AGENTS) as (paths, callers):
        middle = write_logs(paths, MESSAGES)
        os.unlink(os.path.join(paths.var, VIEW_POINTER))  # so that opening rebuilds, and does not catch up
        open_store(paths).close()
        place, name = paths.root, callers[7].name
        _run([_THRUM, "session", "start"], place, name)()
        _run([_THRUM, "search", "pushed"], place, name)()  # makes the index
        for words in (*PROMPT, *OTHERS, f"purge --before {values.rfc3339(middle)}"):
            ours, floor, ratio = paired(_run([_THRUM, *words.split()], place, name), _imports(words, place, name), 15)
            promise = "< 150 ms, ≤ 1.5" if words in PROMPT else "≤ 1.5"
            yield Row(f"thrum {words}", shown(ours), f"{shown(floor)} its imports", ratio, promise)


def _imports(words: str, place: str, name: str) -> Callable[[], object]:
    command = [sys.executable, "-c", _LOADED, *words.split()]
    loaded = subprocess.run(
        command, cwd=place, env=_environment(place, name), capture_output=True, text=True, check=True
    ).stdout
    known = [module for module in loaded.split() if not module.startswith(("encodings.", "_frozen"))]
    script = f"import gc, os; gc.set_threshold(50_000)\nfor name in {known!r}: __import__(name)\nos._exit(0)"
    return _run([sys.executable, "-c", script], place, name)


def _run(command: list[str], place: str, name: str) -> Callable[[], object]:
    environment = _environment(place, name)
    return lambda: subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)


def _environment(place: str, name: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "THRUM_NAME": name, "HOME": place}
