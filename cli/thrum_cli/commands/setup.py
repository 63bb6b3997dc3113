"""setup: a worktree that shares the store, and the section of CLAUDE.md about thrum."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from thrum_cli.clients import files
from thrum_cli.clients.pieces import BEGIN, END, Section
from thrum_cli.clients.recipes import toolkit
from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.terminal.output import Verbatim, human
from thrum_store import setup as setting_up
from thrum_store.errors import Conflict, Invalid
from thrum_store.repository import paths
from thrum_store.setup import Initialize, Initialized

from ._shared.set_up import initialized

_FILE = "CLAUDE.md"


_GO_HEADING = "# Thrum Agent Coordination"  # what the Go program's section begins with


@dataclass(frozen=True)
class Instructions(Verbatim):
    """What CLAUDE.md should say, and what became of the file. `action`: printed, created, appended, replaced, kept."""

    file: str
    action: str
    content: str


@command("worktree", "thrum setup ../feature", "thrum setup worktree ../feature", options=(Argument("path"),))
def worktree(app: App, path: str) -> Initialized:
    """Let a worktree share the messages of this repository.

    Writes its .thrum/redirect, and a place for its identities. Doing it again changes nothing.
    """
    main = app.paths
    there = paths.find(os.path.join(app.repo, path))
    if there.common != main.common:
        raise Invalid(f"{path} belongs to another repository", hint=f"run `thrum init` in {there.root}")
    if there.local == there.thrum:
        raise Invalid(f"{path} is where the store itself is", hint="name a worktree: `git worktree list` shows them")
    return setting_up.initialize(there, Initialize(stealth=True))


@command(
    "claude-md",
    "thrum setup claude-md",
    "thrum setup claude-md --apply",
    "thrum setup claude-md --apply --force",
    options=(
        Option("--apply", "Append it to CLAUDE.md, which is created if it is missing."),
        Option("--force", "With --apply: replace the section that is there."),
    ),
)
def claude_md(app: App, apply: bool, force: bool) -> Instructions:
    """Print or write the section of CLAUDE.md about thrum."""
    section = Section(toolkit("runtimes", "AGENTS.md"), "<!--", " -->")
    if not apply:
        if force:
            raise Invalid("--force means something with --apply only", hint="`thrum setup claude-md --apply --force`")
        return Instructions(_FILE, "printed", section.add("", mine=True))
    path = files.resolved(paths.find(app.repo).root, _FILE)
    data = files.read(path)
    before = _decoded(data or b"")
    after, action = _applied(before, section, force)
    if after != before:
        files.write(path, after.encode())
    return Instructions(_FILE, "created" if data is None else action, section.add("", mine=True))


setup = Group(
    "setup",
    """Set up a worktree, or write instructions into CLAUDE.md.

    `thrum setup PATH` is short for `thrum setup worktree PATH`.
    """,
    commands(worktree, claude_md),
    ("thrum setup ../feature", "thrum setup claude-md", "thrum setup claude-md --apply"),
    returns=Initialized,
    default="worktree",
)


def _applied(before: str, section: Section, force: bool) -> tuple[str, str]:
    """The file's text with the section, and what was done to it."""
    marked = f"<!-- {BEGIN} -->" in before and f"<!-- {END} -->" in before
    old = _go_section(before)
    if not marked and old is None:
        return section.add(before, mine=True), "appended"
    if not force:
        return before, "kept"
    if marked:
        return section.add(before, mine=True), "replaced"
    start, end = old or (0, 0)
    return section.add(before[:start], mine=True) + before[end:], "replaced"


def _go_section(text: str) -> tuple[int, int] | None:
    """Where the Go program's section stands: up to the next heading of its rank, or a rule; code is passed over."""
    at, start, fenced = 0, None, False
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        fenced ^= bool(re.match(r"(```|~~~)", bare))
        if not fenced and start is None and bare == _GO_HEADING:
            start = at
        elif not fenced and start is not None and (line.startswith("# ") or bare == "---"):
            return start, at
        at += len(line)
    return None if start is None else (start, at)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Conflict(f"{_FILE} is not UTF-8", hint="convert it first, or add the lines by hand") from None


human.register(Initialized)(initialized)


@human.register(Instructions)
def _instructions(done: Instructions) -> str:
    told = {
        "created": f"Created {done.file}.",
        "appended": f"Added a section to {done.file}.",
        "replaced": f"Replaced the section in {done.file}.",
        "kept": f"{done.file} has a section about thrum already; --force replaces it.",
    }
    return told.get(done.action, done.content.removesuffix("\n"))
