#!/usr/bin/env python3
"""Record a real run of `thrum demo` on a terminal of 80 columns, and write it as the picture docs/demo.svg.

    .venv/bin/python scripts/record-demo.py [FILE]

Only ids, times and the name of the scratch directory differ from one run to the next.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from html import escape
from pathlib import Path

COLUMNS, LINES = 80, 60
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "demo.svg"
END = "Now in your own repository"  # the README has these commands as text
CODES = {"0": "", "1": "bold", "2": "dim", "31": "red", "32": "green"}  # what a terminal is sent, and the class below
STYLED = re.compile(r"\x1b\[(\d+)m")
CELL, LINE, TOP, SIDE = 9.04, 21, 62, 22  # pixels
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img" aria-label="thrum demo">
<style>
text {{ font: 15px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #c9d1d9 }}
.bold {{ font-weight: bold; fill: #f0f3f6 }} .dim {{ fill: #7d8590 }}
.green {{ fill: #7ee2a8 }} .red {{ fill: #ff8b85 }}
</style>
<rect x=".5" y=".5" width="{inner:.0f}" height="{lower}" rx="10" fill="#161b22" stroke="#30363d"/>
<g><circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/>
<circle cx="62" cy="20" r="6" fill="#28c840"/></g>
{lines}
</svg>
"""


def recorded() -> str:
    """Return the output of `thrum demo` with its styles, as a terminal gets it."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    command = [str(Path(sys.executable).with_name("thrum")), "demo"]
    with subprocess.Popen(command, stdin=writing, stdout=writing, stderr=writing, env=environ) as demo:
        os.close(writing)
        output = _read(reading)
    if demo.returncode:
        raise SystemExit(output)
    return output.replace("\r\n", "\n")


def _read(descriptor: int) -> str:
    parts: list[bytes] = []
    try:
        while part := os.read(descriptor, 1 << 16):
            parts.append(part)
    except OSError:
        pass  # Linux reports the end of a terminal as an error
    return b"".join(parts).decode()


def picture(output: str) -> str:
    """Return the output as SVG, without the commands at its end."""
    shown = output[: output.index(END)].rpartition("\n")[0].rstrip()
    lines = ["\x1b[32m$\x1b[0m \x1b[1mthrum demo\x1b[0m", "", *shown.split("\n")]
    texts = [text for number, line in enumerate(lines) for text in _line(line, TOP + number * LINE)]
    width, height = COLUMNS * CELL + 2 * SIDE, TOP + len(lines) * LINE + 4
    return FRAME.format(width=width, height=height, inner=width - 1, lower=height - 1, lines="\n".join(texts))


def _line(line: str, y: int) -> list[str]:
    """Return the parts of a line, each at its column: no viewer's handling of blanks can move them."""
    texts: list[str] = []
    column, style = 0, ""
    for place, part in enumerate(STYLED.split(line)):
        if place % 2:
            style = CODES[part]
            continue
        words = part.strip(" ")
        x = SIDE + (column + len(part) - len(part.lstrip(" "))) * CELL
        if words:
            kind = f' class="{style}"' if style else ""
            length, shown = len(words) * CELL, escape(words, quote=False).replace(" ", "\xa0")
            texts.append(f'<text x="{x:.2f}" y="{y}" textLength="{length:.2f}"{kind}>{shown}</text>')
        column += len(part)
    return texts


def main() -> None:
    """Write the picture to the file named on the command line, or to docs/demo.svg."""
    file = Path(sys.argv[1]) if sys.argv[1:] else PICTURE
    file.write_text(picture(recorded()), encoding="utf-8")


if __name__ == "__main__":
    main()
