"""Calling a running daemon, for the command line: one call or many over its socket. Imports next to nothing."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

from thrum_store.errors import ThrumError
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import Paths

from . import file_names
from .errors import DaemonFailed, DaemonNotRunning

_TRIES = 50
TIMEOUT = 15.0  # seconds for an answer; longer than any lock of the store is waited for


class DaemonRefusal(ThrumError):
    """What the daemon answered instead of a result; its code is the one of the error there."""

    code = "daemon_refused"

    def __init__(self, message: str, code: str, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.answered = code


class Client:
    """A connection to this repository's daemon. Use it as a context manager; raises DaemonNotRunning."""

    def __init__(self, paths: Paths, timeout: float | None = TIMEOUT) -> None:
        path = os.environ.get("THRUM_SOCKET") or file_names.socket_in_use(paths, REAL)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._connect(path)
        except OSError as error:
            self._socket.close()
            raise DaemonNotRunning(file_names.repository(paths)) from error
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._unasked: list[dict[str, Any]] = []

    @property
    def peer(self) -> int:
        """The process that serves, by the kernel's word."""
        if sys.platform == "linux":
            told = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", told)[0])
        return self._socket.getsockopt(0, 2)  # SOL_LOCAL, LOCAL_PEERPID

    def _connect(self, path: str) -> None:
        """Connects; where many others want to at this moment, tries again for a second."""
        for left in reversed(range(_TRIES)):
            try:
                self._socket.connect(path)
            except BlockingIOError:
                if not left:
                    raise
                REAL.clock.sleep(1 / _TRIES)
            else:
                return

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a method. Raises Refusal for an error, DaemonFailed where no answer comes."""
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._answer()
        except OSError as error:
            raise DaemonFailed(f"the daemon does not answer: {error}") from error
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise DaemonRefusal(answer["error"]["message"], data.get("code", ""), data.get("hint"))
        result: dict[str, Any] = answer["result"]
        return result

    def notifications(self) -> Iterator[dict[str, Any]]:
        """What the daemon tells unasked, until it ends the connection."""
        while True:
            yield from self._unasked
            self._unasked = []
            told = self._read()
            if told is None:
                return
            self._unasked.append(told)

    def _answer(self) -> dict[str, Any]:
        while True:
            told = self._read()
            if told is None:
                raise DaemonFailed("the daemon ended the connection")
            if "id" in told:
                return told
            self._unasked.append(told)

    def _read(self) -> dict[str, Any] | None:
        line = self._file.readline()
        if not line:
            return None
        told: dict[str, Any] = json.loads(line)
        return told

    def close(self) -> None:
        """Ends the connection."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(paths: Paths, method: str, timeout: float = TIMEOUT, **params: Any) -> dict[str, Any]:
    """One call to a running daemon."""
    with Client(paths, timeout) as client:
        return client.call(method, **params)
