"""Other users of the machine, who run `thrum` with a Python that they can reach."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import cryptography
import pytest

import thrum_cli
import thrum_store

SOMEBODY = 65534
STRANGER = 12345  # a user whom /etc/passwd does not know
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user: this did NOT run")
RUN = "import sys; sys.argv[0] = 'thrum'; from thrum_cli.main import run; run()"


def modules() -> str:
    """Return the PYTHONPATH with thrum and its dependencies."""
    packages = (thrum_store, thrum_cli, cryptography)
    return os.pathsep.join(str(Path(str(package.__file__)).parents[1]) for package in packages)


@functools.cache
def python() -> str:
    """Return a Python that every user can start, and that can import thrum. Skips the test if there is none."""
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}", "/usr/bin/python3"):
        try:
            tried = subprocess.run(
                [program, "-c", "import thrum_cli.main, cryptography.hazmat.primitives.asymmetric.ed25519"],
                user=STRANGER, group=STRANGER, extra_groups=[], capture_output=True, check=False, cwd="/",
                env={"PYTHONPATH": modules()},
            )  # fmt: skip
        except OSError:
            continue
        if tried.returncode == 0:
            return program
    pytest.skip("no Python of this version is open to other users: this did NOT run")


def run_as(
    user: int, directory: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as another user, `thrum` with the modules of these tests."""
    program = [python(), "-c", RUN] if arguments[0] == "thrum" else [arguments[0]]
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*program, *arguments[1:]], cwd=directory, capture_output=True, text=True, check=False,
        env={**variables, "PYTHONPATH": modules(), **(environ or {})}, user=user, group=user, extra_groups=[],
    )  # fmt: skip
