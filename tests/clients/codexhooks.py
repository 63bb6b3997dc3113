"""Accepting hooks in Codex, as its review dialog records it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def accepted(codex: Path, root: Path, environ: Mapping[str, str]) -> str:
    """Return the user configuration that Codex writes after all hooks of a project were accepted."""
    lines = [f'[hooks.state."{key}"]\ntrusted_hash = "{digest}"\n' for key, digest in _hooks(codex, root, environ)]
    assert lines, "Codex found no hooks"
    return "".join(lines)


def _hooks(codex: Path, root: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each hook's key and its hash, as Codex itself sees them."""
    client = {"name": "tests", "title": None, "version": "0"}
    server = subprocess.Popen(
        [codex, "app-server"],
        cwd=root,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with server:
        _ask(server, 1, "initialize", {"clientInfo": client, "capabilities": {"experimentalApi": True}})
        _say(server, {"method": "initialized"})
        answer = _ask(server, 2, "hooks/list", {"cwds": [str(root)]})
        for place in answer["data"]:
            for hook in place["hooks"]:
                yield hook["key"], hook["currentHash"]
        server.terminate()


def _ask(server: subprocess.Popen[bytes], number: int, method: str, params: dict[str, Any]) -> Any:
    _say(server, {"id": number, "method": method, "params": params})
    assert server.stdout
    for line in server.stdout:
        frame = json.loads(line)
        if frame.get("id") == number:
            return frame["result"]
    raise AssertionError("Codex left without an answer")


def _say(server: subprocess.Popen[bytes], frame: dict[str, Any]) -> None:
    assert server.stdin
    server.stdin.write(json.dumps(frame).encode() + b"\n")
    server.stdin.flush()
