"""The command with which a client starts `thrum`: its PATH is not that of the shell in which `thrum init` ran."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping

Launcher = tuple[str, ...]
PLAIN: Launcher = ("thrum",)


def launcher(common: str, environ: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> Launcher:
    """Return the first words of the command: `thrum` if every shell finds it, else its path in this environment.

    `common` is git's common directory: an environment inside the repository is located from there, so that the
    repository can be moved.
    """
    own = os.path.join(prefix, "bin")
    places = [place for place in environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(place)]
    lasting = [place for place in places if not _same(place, own) and not _environment(place)]
    if shutil.which("thrum", path=os.pathsep.join(lasting)):
        return PLAIN
    command = os.path.join(own, "thrum")
    if not os.access(command, os.X_OK):
        return PLAIN
    top = os.path.dirname(os.path.realpath(common))
    inside = os.path.relpath(os.path.join(os.path.realpath(own), "thrum"), top)
    if inside.startswith(os.pardir):
        return (command,)
    script = f'exec "$(git rev-parse --path-format=absolute --git-common-dir)/../{inside}" "$@"'
    return ("sh", "-c", script, "thrum")


def _same(first: str, second: str) -> bool:
    return os.path.realpath(first) == os.path.realpath(second)


def _environment(place: str) -> bool:
    """Return whether this directory is a virtual environment's, which only the shell that activated it searches."""
    return os.path.exists(os.path.join(place, os.pardir, "pyvenv.cfg"))
