"""No command changes what is not thrum's own: not the user's files, index, stash, settings, references or worktrees."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Team
from tests.cli.tour import LINES, TOUR, talk

from .sites import LAYOUTS, Site, git, linked

Words = tuple[str, ...]
Harm = dict[str, tuple[object, object]]

OURS = {".thrum", "thrum-sync"}  # directories
EVERYDAY = ("ordinary", "dot_bare", "submodule")
# What a command is documented to write beside its store.
WRITES: dict[Words, set[str]] = {
    ("init",): {".gitignore", "exclude"},
    ("export",): {"thrum.db"},
    ("toolkit", "copy"): {".claude", ".agents"},
    ("init", "--runtime", "claude"): {"AGENTS.md", "CLAUDE.md", ".mcp.json", ".claude"},
    ("uninit",): {"AGENTS.md", "CLAUDE.md", ".mcp.json", ".claude"},
}
CLIENT = (("init", "--runtime", "claude"), ("uninit",))
# Lines beside those of the tour.
MORE: list[Words] = [
    ("sync", "force"), ("doctor",), ("doctor", "--fix"), ("daemon", "start"), ("daemon", "stop"),
    ("purge", "--before", "30d"), ("purge", "--all", "--confirm"), ("init",), ("init", "--runtime", "claude"),
    ("uninit",),
]  # fmt: skip


def snapshot(site: Site) -> dict[str, object]:
    """Return everything that is not thrum's: all files of the clone and around it, and git's own answers."""
    state: dict[str, object] = {}
    for folder in (site.movable, *site.outside):
        state |= {str(path): _state(path) for path in _files(folder)}
    for root in (site.first, site.other, *site.outside):
        for words in (("status", "--porcelain"), ("stash", "list"), ("rev-parse", "HEAD"), ("symbolic-ref", "HEAD")):
            state[f"{root}: {words[0]}"] = git(root, *words, **site.variables)
    entries = git(site.other, "worktree", "list", "--porcelain", **site.variables).split("\n\n")
    state["worktrees"] = [entry for entry in entries if "thrum-sync" not in entry]
    references = git(site.other, "for-each-ref", **site.variables).splitlines()
    state["references"] = [line for line in references if not line.endswith("/a-sync") and "refs/thrum/" not in line]
    return state


def _files(folder: Path) -> Iterator[Path]:
    for place, directories, names in os.walk(folder):
        directories[:] = [name for name in directories if not _is_ours(Path(place, name))]
        yield from (Path(place, name) for name in names if not _is_ours(Path(place, name)))
        yield from (Path(place, name) for name in directories if Path(place, name).is_symlink())


def _is_ours(path: Path) -> bool:
    """Return whether a path is thrum's, or one of git's objects and tables of references: git's answers show those."""
    if path.name in OURS or path.parent.name == "objects" or path.name.startswith("a-sync"):
        return True
    return path.parent.name == "reftable" or path.name == "packed-refs"


def _state(path: Path) -> tuple[int, str]:
    status = path.lstat()
    if path.is_symlink():
        return status.st_mode, os.readlink(path)
    return status.st_mode, hashlib.sha256(path.read_bytes()).hexdigest()


def harm(before: dict[str, object], after: dict[str, object], allowed: set[str]) -> Harm:
    """Return what differs, but for the files that a command may write; the status shows those as well."""
    differ = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    kept = {key for key in differ if not (allowed and (allowed & set(Path(key).parts) or key.endswith(": status")))}
    return {key: (before.get(key), after.get(key)) for key in kept}


@pytest.mark.parametrize(
    "layout", [pytest.param(name, marks=() if name in EVERYDAY else pytest.mark.nightly) for name in LAYOUTS]
)
def test_no_command_of_the_whole_tour_changes_what_is_not_thrums(layout: str, tmp_path: Path) -> None:
    site = LAYOUTS[layout](tmp_path.resolve())
    git(site.first, "config", "user.note", "mine", **site.variables)
    (site.other / "src").mkdir(exist_ok=True)
    (site.other / "src" / "app.py").write_text("in work\n")
    git(site.other, "stash", **site.variables)
    (site.first / "staged.txt").write_text("staged\n")
    git(site.first, "add", "--sparse" if layout == "sparse" else "-A", "staged.txt", **site.variables)
    third = linked(site.other, site.movable / "third", "third", **site.variables)
    done: dict[Words, Harm] = {}

    before = snapshot(site)
    site.planner.ok("init")
    done[("init",)] = harm(before, snapshot(site), WRITES[("init",)])
    site.planner.ok("quickstart", "--name", "planner", "--role", "lead", "--module", "core")
    site.builder.ok("quickstart", "--name", "builder", "--role", "implementer", "--module", "auth")
    ids = talk(Team(site.planner, site.builder), third)
    before = snapshot(site)
    without_client = before
    lines = [(words, [ids.get(word, word) for word in LINES.get(words, ())]) for words in TOUR]
    for words, line in [*lines, *((words, []) for words in MORE)]:
        run = site.planner.run if words[0] == "daemon" else site.planner.thrum
        answer = run(*words, *line, stdin=b"notes")
        assert answer.code in (0, 1), (words, answer)
        after = snapshot(site)
        done[words] = {**done.get(words, {}), **harm(before, after, WRITES.get(words, set()))}
        if words == ("uninit",):
            done[(*words, "restores")] = harm(without_client, after, set())
        before, without_client = after, without_client if words in CLIENT else after
    assert {words: harmed for words, harmed in done.items() if harmed} == {}
