"""A terminal of its own, as a user sits at one: tmux, with a server that nobody else uses."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from .installed import Client, Seat, command
from .model import PATIENCE

_STILL = 300  # looks at the screen that show the same: over a second, in which a client that works moves something


def until(holds: Callable[[], object], description: Callable[[], str]) -> None:
    """Wait until a condition holds; fail with a description."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, description()


class Terminal:
    """An interactive client in a terminal, begun with one prompt; it ends with the block."""

    def __init__(self, client: Client, seat: Seat, prompt: str) -> None:
        self._client, self._seat = client, seat
        self._socket = seat.home / "tmux"
        words = (part.format(prompt=prompt) for part in client.interactive)
        variables = [f"{name}={value}" for name, value in seat.environ(client).items()]
        self._tmux(
            "new-session", "-d", "-x", "150", "-y", "50", "-c", str(seat.root),
            "env", "-i", *variables, str(command(client.name)), *words,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.screen)
        self._tmux("kill-server")
        self._client.leaves(self._seat)

    @property
    def screen(self) -> str:
        """Return the text on the screen."""
        return self._tmux("capture-pane", "-p")

    def shows(self, text: str) -> None:
        """Wait until this text is on the screen."""
        until(lambda: text in self.screen, lambda: self.screen)

    def types(self, line: str) -> None:
        """Type a line and press Enter once the screen is still: an Enter at once counts as pasted."""
        self._tmux("send-keys", "-l", line)
        self.shows(line.strip())
        still = [""]
        until(lambda: self._is_still(still), lambda: self.screen)
        self._tmux("send-keys", "Enter")

    def _is_still(self, seen: list[str]) -> bool:
        seen.append(self.screen)
        if seen[-1] != seen[-2]:
            del seen[:-1]
            seen.insert(0, "")
        return len(seen) > _STILL

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-S", str(self._socket), *arguments], capture_output=True, check=True)
        return done.stdout.decode("utf-8", "replace")


def idle(root: Path) -> bool:
    """Return whether a session in this worktree has a waiting listener."""
    return any((root / ".thrum" / "var" / "hooks").glob("*.idle"))
