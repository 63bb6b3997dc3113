"""What the light front hands over to the server, and what it asks of it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from . import early, wire


class Frame(NamedTuple):
    """One line from the client; with the result that it got already, where it got one."""

    line: bytes
    answered: early.Result | None = None


class Handed(NamedTuple):
    """What the front leaves to the server: the wire, all frames so far, the begun line, and whether input ended."""

    wire: wire.Wire
    frames: tuple[Frame, ...]
    lines: wire.Lines
    ended: bool


class Server(Protocol):
    """What the loading thread delivers."""

    def run(self, handed: Handed) -> int:
        """Serves until the client leaves; the exit code."""
        ...
