"""File accesses of a command and its children, as strace saw them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.environs import unmeasured

_LINE = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?")
_FROM_HERE = re.compile(r"AT_FDCWD<([^>]*)>")
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
_OPENING = {"open", "openat", "openat2", "creat"}
_FOR_WRITING = re.compile(r"\bO_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND)\b")
_CHANGING = re.compile(
    r"creat|truncate|l?chown|f?chown(at)?|f?chmod(at)?|unlink(at)?|rmdir|mkdir(at)?|mknod(at)?|rename(at2?)?|link(at)?"
    r"|symlink(at)?|utime(s|nsat)?|futimesat|l?(set|remove)xattr|u?mount2?|chroot|pivot_root"
)


class Call(NamedTuple):
    """A system call about files: its name, the paths that it names, whether it changes them, and if it succeeded."""

    name: str
    paths: tuple[str, ...]
    changes: bool
    done: bool
    words: str


def traced(command: Iterable[str], where: Path, **variables: str) -> list[Call]:
    """Run a command in that directory, which must succeed; return the file calls of all its processes."""
    into = Path(tempfile.mkdtemp(prefix="calls", dir=where.parent))
    watching = (
        "strace",
        "-ff",
        "-qq",
        "-y",
        "-s",
        "4096",
        "-e",
        "signal=none",
        "-e",
        "trace=%file,fchdir",
        "-o",
        f"{into}/of",
    )
    environment = unmeasured(PYTHONDONTWRITEBYTECODE="1", **variables)
    subprocess.run([*watching, *command], cwd=where, env=environment, check=True, capture_output=True)
    return [call for path in into.iterdir() for call in _calls(path.read_text(encoding="utf-8"))]


def _calls(trace: str) -> Iterator[Call]:
    """The calls of one process; where it stands is told by every call that starts from there."""
    stands = ""
    for line in trace.splitlines():
        parsed = _LINE.match(line)
        assert parsed is not None, line
        name, words, result, opened = parsed.groups()
        directory = _FROM_HERE.search(words)
        stands = directory[1] if directory else stands
        done = int(result) >= 0
        paths = tuple(_absolute(base or stands, path, line) for base, path in _named(name, words))
        if name == "chdir" and done:
            stands = paths[0]
        elif name == "fchdir" and done:
            stands = words.partition("<")[2].rstrip(">")
        if name in _OPENING and done and opened:
            paths = (opened,)  # where it led, past all links
        writes = bool(_FOR_WRITING.search(words)) if name in _OPENING - {"creat"} else False
        yield Call(name, paths, writes or _CHANGING.fullmatch(name) is not None, done, line)


def _named(name: str, words: str) -> list[tuple[str, str]]:
    """Each path of a call and where it starts from; what a link says is none, nor are a program's arguments."""
    names: list[tuple[str, str]] = _PATH.findall(words)
    if name.startswith("symlink"):
        return names[1:]
    return names[:1] if name.startswith("exec") else names


def _absolute(base: str, path: str, line: str) -> str:
    """A path from the root; its last part is not followed, for most calls do not follow it either."""
    assert base or os.path.isabs(path), f"nobody knows from where this starts: {line}"
    whole = os.path.join(base, path)
    return os.path.join(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))
