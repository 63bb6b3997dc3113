"""Findings of `thrum doctor`, and the repairs that it can do itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from thrum_store.errors import Forbidden, ThrumError
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


def guarded(name: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield the results of a check; if it fails itself, report that, so that the others go on.

    Raises Forbidden.
    """
    try:
        yield from checks()
    except Forbidden:  # a request of the user is refused
        raise
    except ThrumError as error:
        yield problem(name, f"this could not be checked: {error.message}", error.hint or "run `thrum doctor` again")
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename}" if error.filename else f"{error.strerror or error}"
        yield problem(name, f"this could not be checked: {reason}", "look at its owner and its mode")
