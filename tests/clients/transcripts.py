"""The prompts of the models as text: trimmed to thrum's part, without ids and times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .model import Prompt

FOLDER = Path(__file__).with_name("transcripts")
_LINES = 40  # of each prompt
_DIFFERS = (
    (re.compile(r"\b(msg|ses|usr|evt)_[0-9A-Z]{26}\b"), r"\1_ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?"), "TIME"),
    (re.compile(r"/[^\s\"']*/(project|feature|home)\b"), r"/\1"),
    (re.compile(r"Wall time: [\d.]+"), "Wall time: N"),
    (re.compile(r"marked (\S+)"), "marked MARK"),
)


def write(name: str, prompts: Sequence[Prompt]) -> None:
    """Write the new part of each prompt, from thrum's first line on."""
    parts = [f"--- prompt {number} ---\n{_ours(prompt.last)}\n" for number, prompt in enumerate(prompts, 1)]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.txt").write_text("\n".join(parts), encoding="utf-8")


def _ours(text: str) -> str:
    marks = [mark for mark in re.findall(r"marked (\S+)", text) if len(mark) > 4]
    for mark in marks:
        text = text.replace(mark, "MARK")
    for pattern, instead in _DIFFERS:
        text = pattern.sub(instead, text)
    begins = text.find("thrum: ")
    return "\n".join(text[max(begins, 0) :].splitlines()[:_LINES])
