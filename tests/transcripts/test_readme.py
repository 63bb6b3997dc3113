"""The README's sixty seconds, followed as they stand: two worktrees, a waiting agent, a message."""

from __future__ import annotations

import re
from pathlib import Path

from .shell import Session

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks() -> list[list[str]]:
    """Return the commands of that section, block by block, without the lines that stand for the reader's own places."""
    section = README.read_text(encoding="utf-8").partition("## Two agents in sixty seconds")[2].partition("\n## ")[0]
    texts = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [[line for line in text.splitlines() if line.startswith("thrum ")] for text in texts]


def test_the_readme_can_be_followed_word_for_word(tmp_path: Path) -> None:
    session = Session(tmp_path)
    first, joining, waiting, sending = blocks()

    def runs(*commands: str) -> list[str]:
        printed = [session.run(f"{{ {command} ; }} || echo FAILED") for command in commands]
        assert [lines for lines in printed if "FAILED" in lines] == []
        return printed[-1]

    runs("git init -q project && cd project && git commit -q --allow-empty -m begin", *first)
    runs("git worktree add -q ../builder && cd ../builder", *joining)
    session.run(f"{waiting[0]} > ../waited 2>&1 &")
    session.run("until ls ../project/.thrum/var/bells/builder.* >/dev/null 2>&1; do sleep 0.05; done; cd ../project")
    assert any("@builder" in line for line in runs(*sending))
    runs("wait $!")
    assert "@planner" in (tmp_path / "waited").read_text()
    session.close()
