"""setup: a worktree that shares the store, and the section of CLAUDE.md about thrum."""

from __future__ import annotations

import os
import re
import shlex

from thrum_cli.clients import files, planning
from thrum_cli.clients.configure import tracked_links
from thrum_cli.clients.recipes import toolkit
from thrum_cli.clients.section import Section
from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.commands._shared import set_up as set_up  # it registers how Initialized is shown
from thrum_cli.commands._shared.client_setup import write_launcher
from thrum_cli.terminal.output import Screen, Verbatim, human
from thrum_store.errors import Invalid, NotARepository, NotInitialized
from thrum_store.repository import paths
from thrum_store.repository.git_runner import GitRunner
from thrum_store.repository.paths import Paths
from thrum_store.setup import Initialize, Initialized, initialize
from thrum_store.values import Record

_FILE = "CLAUDE.md"
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+|\.\.+|\.lock$")  # what the name of a branch must not have, and more
_GO_HEADING = "# Thrum Agent Coordination"  # first line of the Go program's section


class Instructions(Record, Verbatim):
    """The section of CLAUDE.md. `action` is printed, created, appended, replaced or kept."""

    file: str
    action: str
    content: str


@command("worktree", "thrum setup ../feature", "thrum setup worktree ../feature", options=(Argument("path"),))
def worktree(app: App, path: str) -> Initialized:
    """Let a worktree share the messages of this repository.

    It writes the worktree's .thrum/redirect, and a directory for its identities. Running it again changes nothing.
    """
    main = paths.located(app.repo)
    if not main.initialized:
        raise NotInitialized(main.root)
    other = _worktree_at(app.repo, path, main)
    if other.common != main.common:
        raise Invalid(f"{path} belongs to another repository", hint=f"run `thrum init` in {other.root}")
    if other.local == other.thrum:
        raise Invalid(f"{path} holds the store itself", hint="name a worktree: `git worktree list` shows them")
    done = initialize(other, Initialize(stealth=True))
    write_launcher(other)
    return done


def _worktree_at(repository: str, path: str, main: Paths) -> Paths:
    """Return the places of the worktree at a path. Raises Invalid, with the command that makes one where none is."""
    place = os.path.join(repository, path)
    if os.path.lexists(place) and not os.path.isdir(place):
        raise Invalid(f"{path} is not a directory", hint="name a worktree: `git worktree list` shows them")
    try:
        if os.path.isdir(place):
            return paths.located(place)
    except NotARepository as error:
        if os.listdir(place):
            raise Invalid(error.message, hint="name a worktree: `git worktree list` shows them") from None
    raise Invalid(f"there is no worktree at {path!r}", hint=f"`{_making(place, main)}`, or see `git worktree list`")


def _making(place: str, main: Paths) -> str:
    """Return the line that makes a worktree, on a new branch that has the name of its directory, and sets it up."""
    git, absolute = GitRunner(main.root), os.path.abspath(place)
    branch = _free_branch(_NO_NAME.sub("-", os.path.basename(absolute)).strip("-.") or "feature", git)
    inside = f"git -C {shlex.quote(main.root)}"
    begun = git.asks("rev-parse", "--verify", "--quiet", "HEAD") is not None
    first = "" if begun else f"{inside} commit --allow-empty -m begin && "
    setting_up = f"thrum --repo {shlex.quote(main.root)} setup {shlex.quote(absolute)}"
    return f"{first}{inside} worktree add -b {branch} {shlex.quote(absolute)} && {setting_up}"


def _free_branch(name: str, git: GitRunner) -> str:
    """Return the name, with a number if a branch has it or lies below it."""
    branches = git.run("for-each-ref", "--format=%(refname)", "refs/heads").replace("refs/heads/", "").split("\n")
    names = (name, *(f"{name}-{number}" for number in range(2, len(branches) + 3)))
    return next(free for free in names if not any(f"{branch}/".startswith(f"{free}/") for branch in branches))


@command(
    "claude-md",
    "thrum setup claude-md",
    "thrum setup claude-md --apply",
    "thrum setup claude-md --apply --force",
    options=(
        Option("--apply", "Append the section to CLAUDE.md, creating the file if needed."),
        Option("--force", "With --apply: replace an existing section."),
    ),
)
def claude_md(app: App, apply: bool, force: bool) -> Instructions:
    """Print or write the section of CLAUDE.md about thrum."""
    section = Section(toolkit("runtimes", "AGENTS.md"), "<!--", " -->")
    if not apply:
        if force:
            raise Invalid("--force needs --apply", hint="`thrum setup claude-md --apply --force`")
        return Instructions(_FILE, "printed", section.add("", mine=True))
    place = paths.find(app.repo)
    path = files.resolved(place.root, _FILE, tracked_links(place, [_FILE]))
    data = files.read(path)
    mark, before = planning.decoded(data)
    section.check(before)
    after, action = _applied(before, section, force)
    if after != before:
        files.write(path, mark + after.encode())
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
    """Return the file's text with the section, and the action taken."""
    marked = section.is_in(before)
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
    """Return where the Go program's section begins and ends: at the next heading of its level, or a rule."""
    place, start, fenced = 0, None, False
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        fenced ^= bare.startswith(("```", "~~~"))
        if not fenced and start is None and bare == _GO_HEADING:
            start = place
        elif not fenced and start is not None and (line.startswith("# ") or bare == "---"):
            return start, place
        place += len(line)
    return None if start is None else (start, place)


@human.register(Instructions)
def _instructions(instructions: Instructions, screen: Screen) -> str:
    sentences = {
        "created": f"Thrum section written to {instructions.file}, which is new.",
        "appended": f"Thrum section written to {instructions.file}, at its end.",
        "replaced": f"Thrum section written to {instructions.file}, in the place of the old one.",
        "kept": f"Skipped: {instructions.file} already has a section about thrum; --force replaces it.",
    }
    if instructions.action in sentences:
        return sentences[instructions.action] if screen.hints else ""
    return instructions.content.removesuffix("\n")
