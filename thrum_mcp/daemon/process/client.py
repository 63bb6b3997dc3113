"""The client of a running daemon, for the command line. It imports very little."""

from __future__ import annotations

import os
import socket

from thrum_store import values
from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths

from . import file_names
from .errors import DaemonFailed, DaemonNotRunning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_TRIES = 50  # to connect, within a second
TIMEOUT = 15.0  # seconds for an answer; longer than any lock of the store is waited for


class DaemonRefusal(ThrumError):
    """Raised if the daemon answered with an error. `answered` is its code."""

    code = "daemon_refused"

    def __init__(self, message: str, code: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.answered = code


class Client:
    """A connection to this repository's daemon, a context manager. Raises DaemonNotRunning."""

    def __init__(self, paths: Paths, timeout: float | None = TIMEOUT) -> None:
        path = os.environ.get("THRUM_SOCKET") or file_names.socket_in_use(paths, REAL)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self._connect(path)
        except OSError as error:
            self.socket.close()
            raise DaemonNotRunning(file_names.repository(paths)) from error
        self._file = self.socket.makefile("rb")
        self._number = 0
        self._notifications: list[dict[str, Any]] = []  # those that arrived before an answer

    def _connect(self, path: str) -> None:
        """Connect; while the queue of the socket is full, try again for a second."""
        for left in reversed(range(_TRIES)):
            try:
                self.socket.connect(path)
            except BlockingIOError:
                if not left:
                    raise
                REAL.clock.sleep(1 / _TRIES)
            else:
                return

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a method. Raises DaemonRefusal for an error, DaemonFailed without an answer."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        try:
            self.socket.sendall(values.escaped(request).encode() + b"\n")
            answer = self._answer()
        except OSError as error:
            raise DaemonFailed(f"the daemon does not answer: {error}") from error
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise DaemonRefusal(answer["error"]["message"], data.get("code", ""), data.get("hint"))
        result: dict[str, Any] = answer["result"]
        return result

    def notifications(self) -> Iterator[dict[str, Any]]:
        """Yield the notifications of the daemon until it ends the connection."""
        while True:
            yield from self._notifications
            self._notifications = []
            message = self._read()
            if message is None:
                return
            self._notifications.append(message)

    def _answer(self) -> dict[str, Any]:
        while True:
            message = self._read()
            if message is None:
                raise DaemonFailed("the daemon ended the connection")
            if "id" in message:
                return message
            self._notifications.append(message)

    def _read(self) -> dict[str, Any] | None:
        """Return the next message; None once the connection has ended."""
        line = self._file.readline()
        message: dict[str, Any] | None = values.loads(line) if line else None
        return message

    def close(self) -> None:
        """End the connection."""
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(paths: Paths, method: str, timeout: float = TIMEOUT, **params: Any) -> dict[str, Any]:
    """Return the result of one call to a running daemon. Raises as `Client` and `Client.call`."""
    with Client(paths, timeout) as client:
        return client.call(method, **params)
