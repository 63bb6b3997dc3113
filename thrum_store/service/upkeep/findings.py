"""Findings of `thrum doctor`, and the repairs that it can do itself."""

from __future__ import annotations

from collections.abc import Callable

from thrum_store.values import NamedTuple, Record

OK, NOTE, PROBLEM = "ok", "note", "problem"


class Finding(Record):
    """The result of one check. `status`: ok, note or problem; `hint`: how to repair it; `fixed`: it was repaired."""

    check: str
    status: str
    message: str
    hint: str | None = None
    fixed: bool = False


class Check(NamedTuple):
    """A finding, and its repair if that is safe."""

    finding: Finding
    repair: Callable[[], object] | None = None


def fine(check: str, message: str) -> Check:
    """Report that all is well."""
    return Check(Finding(check, OK, message))


def note(check: str, message: str, hint: str | None = None) -> Check:
    """Report something that is good to know."""
    return Check(Finding(check, NOTE, message, hint))


def problem(check: str, message: str, hint: str, repair: Callable[[], object] | None = None) -> Check:
    """Report a problem; `thrum doctor --fix` runs `repair`."""
    return Check(Finding(check, PROBLEM, message, hint), repair)
