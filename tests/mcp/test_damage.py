"""The view may be lost while a server has it open: after any damage to its files, the same inbox comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Team
from .talk import Server


def remove(*suffixes: str) -> Callable[[Path], None]:
    """Return a function that unlinks the view's file, its WAL, or both."""

    def run(view: Path) -> None:
        for suffix in suffixes:
            view.with_name(view.name + suffix).unlink(missing_ok=True)

    return run


def overwrite(*suffixes: str) -> Callable[[Path], None]:
    """Return a function that fills these files with garbage, in place."""

    def run(view: Path) -> None:
        for suffix in suffixes:
            path = view.with_name(view.name + suffix)
            if path.exists():  # the waiting process may have repaired the view between the two
                path.write_bytes(b"garbage!" * (65536 // 8 + 512))

    return run


DAMAGES = {
    "view removed": remove(""),
    "WAL removed": remove("-wal"),
    "WAL and its index removed": remove("-wal", "-shm"),
    "all removed": remove("", "-wal", "-shm"),
    "view overwritten": overwrite(""),
    "WAL overwritten": overwrite("-wal"),
    "all overwritten": overwrite("", "-wal"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_any_damage_to_the_view_the_inbox_comes_back(
    team: Team, planner: Server, builder: Server, damage: str
) -> None:
    planner.call("send_message", to="@builder", content="before")
    assert builder.call("check_messages")["messages"][0]["content"] == "before"
    (view,) = (team.planner / ".thrum" / "var").glob("p-*.db")
    waiting = planner.begin("wait_for_message", timeout=20)
    DAMAGES[damage](view)
    planner.call("send_message", to="@builder", content="after")
    assert [message["content"] for message in builder.call("check_messages")["messages"]] == ["after"]
    builder.call("send_message", to="@planner", content="and back")
    assert planner.answer(waiting)["result"]["structuredContent"]["message"]["content"] == "and back"
    assert builder.call("check_messages")["status"] == "empty"
