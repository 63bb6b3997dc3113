"""Where the command begins and ends. `run` is the console script; `main` is the same inside of a living process."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


def run() -> None:
    """Runs `thrum` and ends the process at once.

    Nothing is torn down: by then every answer is flushed and every event is on the disk, so SQLite's last checkpoint
    and the interpreter's farewell would only cost time (8 ms of 60). A kill would do no harm either.
    """
    if sys.argv[1:2] == ["hook"]:
        from .hooks.entry import run as hook  # runs at every tool call of an agent, and loads nothing else

        code = hook(sys.argv[2:])
        sys.stdout.flush()
        os._exit(code)
    gc.set_threshold(50_000)  # imports make many objects and no garbage: 2 ms less, and a long wait stays bounded
    try:
        from .app import App  # once the collector is tamed
        from .boundary import answer  # likewise
    except KeyboardInterrupt:
        os._exit(130)
    os._exit(answer(App(), sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Runs `thrum ARGUMENTS` and returns its exit code, with everything closed."""
    from .app import App  # as above
    from .boundary import answer  # as above

    with App() as app:
        return answer(app, arguments)


if __name__ == "__main__":
    run()
