"""Every guide works as it stands: its commands run from top to bottom, and their output is compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from .shell import Session, Step, steps

GUIDES = sorted((Path(__file__).resolve().parents[2] / "docs" / "guides").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_can_be_followed_word_for_word(guide: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    wrong: list[tuple[str, list[str], list[str]]] = []
    for step in steps(guide.read_text(encoding="utf-8")):
        printed = session.run(step.command)
        if not step.matches(printed):
            wrong.append((step.command, step.expected, printed))
    session.close()
    assert wrong == []


def test_there_are_guides() -> None:
    assert GUIDES != []


def test_a_difference_is_seen() -> None:
    step = Step("thrum send x", ["Message sent: [..] to @bob."])
    assert step.matches(["Message sent: msg_1 to @bob."])
    assert not step.matches(["Message sent: msg_1 to @eve."])
    assert not step.matches(["Message sent: msg_1 to @bob.", "and more"])
    assert not step.matches([])


def test_a_command_may_go_on_in_the_next_line() -> None:
    (first, second) = steps("text\n```console\n$ cat <<END\n> hello\n> END\nhello\n\n$ true\n```\n")
    assert (first.command, first.expected, second.command) == ("cat <<END\nhello\nEND", ["hello"], "true")
