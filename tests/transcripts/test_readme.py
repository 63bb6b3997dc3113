"""The README's own-repository section, followed as it stands: two worktrees, a waiting agent, a message."""

from __future__ import annotations

import re
from pathlib import Path

from .shell import Session

README = Path(__file__).resolve().parents[2] / "README.md"


def blocks() -> list[list[str]]:
    """The commands of that section, block by block, without what stands for the reader's own places."""
    section = README.read_text(encoding="utf-8").partition("## In your own repository")[2].partition("\n## ")[0]
    found = [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)]
    return [[line for line in block if line.startswith("thrum ")] for block in found]


def test_the_readme_can_be_followed_word_for_word(tmp_path: Path) -> None:
    session = Session(tmp_path)
    first, joining, waiting, sending = blocks()

    def runs(*commands: str) -> list[str]:
        printed = [session.run(f"{{ {command.partition('#')[0]} ; }} || echo FAILED") for command in commands]
        assert [lines for lines in printed if "FAILED" in lines] == []
        return printed[-1]

    runs("git init -q project && cd project && git commit -q --allow-empty -m begin", *first)
    runs("git worktree add -q ../builder && cd ../builder", *joining)
    waits = waiting[0].partition("#")[0]
    session.run(f"{waits} > ../waited 2>&1 &")
    session.run("until ls ../project/.thrum/var/bells/builder.* >/dev/null 2>&1; do sleep 0.05; done; cd ../project")
    assert any("@builder" in line for line in runs(*sending))
    runs("wait $!")
    assert "@planner" in (tmp_path / "waited").read_text()
    session.close()
