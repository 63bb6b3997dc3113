"""The agents that wait right now, by their bells."""

from __future__ import annotations

import os

from .host import open_bell


def listening(directory: str) -> set[str]:
    """Return the names of the agents that wait right now."""
    try:
        bells = os.listdir(directory)
    except OSError:
        return set()
    return {bell.partition(".")[0] for bell in bells if bell[0] != "." and _is_open(os.path.join(directory, bell))}


def _is_open(path: str) -> bool:
    fd = open_bell(path)
    if fd is None:
        return False
    os.close(fd)
    return True
