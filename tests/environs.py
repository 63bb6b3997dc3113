"""The environment of a child process that coverage must leave alone."""

from __future__ import annotations

import os


def unmeasured(**variables: str) -> dict[str, str]:
    """Return this environment and `variables`, without those by which coverage enters a child.

    For a child whose system calls or modules are examined, as coverage adds its own, and for one that runs a copy of
    the sources, which are not the program's.
    """
    return {name: text for name, text in os.environ.items() if not name.startswith(("COVERAGE_", "COV_"))} | variables
