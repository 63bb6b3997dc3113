"""Amp's plugin runtime, out of its own program: it loads a plugin and calls it as a thread would, with no account."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .installed import CLIENTS, Seat, command

Frame = dict[str, Any]
PROGRAM = CLIENTS / "amp" / "node_modules" / "@ampcode" / "cli" / "bin" / "amp.exe"
_TAKING = """
import { copyFileSync } from "node:fs"
copyFileSync(process.argv[1], "TARGET")
export default function () {}
"""


def environ(seat: Seat) -> dict[str, str]:
    """Return the variables that Amp's user exported; `thrum` is not on its PATH."""
    return {"HOME": str(seat.home), "PATH": "/usr/bin:/bin"}


def loads(seat: Seat, plugin: Path) -> subprocess.CompletedProcess[str]:
    """Load a plugin with Amp's own command and report that a session begins."""
    return subprocess.run(
        [command("amp"), "plugins", "exec", str(plugin), "session.start", "--data", "{}"],
        cwd=seat.root, env=environ(seat), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=90,
    )  # fmt: skip


class Host:
    """A plugin in Amp's runtime while the block lasts; `appended` are the messages that it put into a thread."""

    def __init__(self, seat: Seat, plugin: Path) -> None:
        runtime = seat.home / "runtime.ts"  # Amp writes it for as long as a plugin runs
        taking = seat.home / "taking.ts"
        taking.write_text(_TAKING.replace("TARGET", str(runtime)))
        assert loads(seat, taking).returncode == 0
        self.appended: list[str] = []
        self._root = seat.root
        self._asked = 0
        own = {"BUN_BE_BUN": "1", "AMP_PLUGIN_NAME": "thrum", "AMP_PLUGIN_URI": plugin.as_uri()}
        self._runtime = subprocess.Popen(
            [PROGRAM, runtime, plugin],
            cwd=seat.root, env={**environ(seat), **own}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._hear(lambda frame: frame.get("event") == "runtime.ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._runtime:
            self._runtime.terminate()

    def tell(self, event: str, **data: Any) -> Any:
        """Return the plugin's answer to an event of the thread T-1."""
        self._asked += 1
        own = f"test-{self._asked}"
        self._say(type="request", id=own, method=event, params={"thread": {"id": "T-1"}, **data})
        return self._hear(lambda frame: frame["type"] == "response" and frame["id"] == own).get("result")

    def hears_of_a_message(self) -> str:
        """Wait until the plugin puts a message into the thread."""
        before = len(self.appended)
        self._hear(lambda _: len(self.appended) > before)
        return self.appended[before]

    def _hear(self, wanted: Callable[[Frame], bool]) -> Frame:
        assert self._runtime.stdout
        for line in self._runtime.stdout:
            frame: Frame = json.loads(line)
            if frame["type"] == "request":
                self._say(type="response", id=frame["id"], result=self._answer(frame))
            if wanted(frame):
                return frame
        raise AssertionError("Amp's runtime ended")

    def _answer(self, frame: Frame) -> object:
        if frame["method"] == "thread.append":
            self.appended += [message["content"] for message in frame["params"]["messages"]]
        if frame["method"] != "client.info":
            return None
        return {
            "ampURL": "https://localhost/", "workspaceRoot": self._root.as_uri(), "authenticatedUser": None,
            "executorKind": "local",
        }  # fmt: skip

    def _say(self, **frame: Any) -> None:
        assert self._runtime.stdin
        self._runtime.stdin.write(json.dumps(frame).encode() + b"\n")
        self._runtime.stdin.flush()
