"""What a check found, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

OK, NOTE, PROBLEM = "ok", "note", "problem"


@dataclass(frozen=True)
class Finding:
    """What one check found. `status`: ok, note or problem; `hint` says what mends it; `fixed` that it was mended."""

    check: str
    status: str
    message: str
    hint: str | None = None
    fixed: bool = False


class Found(NamedTuple):
    """A finding, and what mends it where that is safe."""

    finding: Finding
    mend: Callable[[], object] | None = None


def fine(check: str, message: str) -> Found:
    """All is well."""
    return Found(Finding(check, OK, message))


def note(check: str, message: str, hint: str | None = None) -> Found:
    """Good to know."""
    return Found(Finding(check, NOTE, message, hint))


def problem(check: str, message: str, hint: str, mend: Callable[[], object] | None = None) -> Found:
    """Something is wrong; with `mend`, `thrum doctor --fix` does what is needed."""
    return Found(Finding(check, PROBLEM, message, hint), mend)
