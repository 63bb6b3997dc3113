"""What the light front hands over to the server, and what it asks of it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from thrum_mcp.lines import LineSplitter

from .early_answers import Result
from .pipes import Wire


class Frame(NamedTuple):
    """One line from the client; with the result that it got already, where it got one."""

    line: bytes
    answered: Result | None = None


class Handoff(NamedTuple):
    """What the front leaves to the server: the wire, all frames so far, the begun line, and whether input ended."""

    wire: Wire
    frames: tuple[Frame, ...]
    lines: LineSplitter
    ended: bool


class Server(Protocol):
    """What the loading thread delivers."""

    def run(self, handed: Handoff) -> int:
        """Serves until the client leaves; the exit code."""
        ...
