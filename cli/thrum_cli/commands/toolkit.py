"""toolkit: agents, skills, templates and scripts that ship with thrum, to copy into a project."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from thrum_cli.clients import toolkit as parts
from thrum_cli.clients.toolkit import Copied, Tool
from thrum_cli.command import App, Argument, Group, Option, command, commands
from thrum_cli.terminal.output import Screen, bold, dim, human, shorten
from thrum_store.errors import NotARepository
from thrum_store.repository import paths
from thrum_store.values import Record


class ToolkitList(Record):
    """Everything in the toolkit, and the folder of the installed package that holds it."""

    directory: str
    tools: tuple[Tool, ...]


class ToolkitPath(Record):
    """The folder of the toolkit."""

    directory: str


@command("list", "thrum toolkit list", "thrum toolkit list --json")
def list_(app: App) -> ToolkitList:
    """List the parts of the toolkit.

    It names the folder that each part is copied into.
    """
    try:
        root = paths.find(app.repo).root
    except NotARepository:
        root = None
    return ToolkitList(parts.directory(), parts.tools(root))


@command(
    "copy",
    "thrum toolkit copy skills",
    "thrum toolkit copy thrum-agent",
    "thrum toolkit copy setup-worktree-thrum ~/bin",
    options=(
        Argument("name"),
        Argument("dest", required=False),
        Option("--force", "Overwrite files that were changed."),
    ),
)
def copy(app: App, name: str, dest: str | None, force: bool) -> Copied:
    """Copy a part of the toolkit into this worktree, or into DEST.

    NAME is a name of `thrum toolkit list`, a kind (agents, skills, templates, roles, scripts), or `all`. A file that
    is there with another text stops the copy, unless you add --force.
    """
    return parts.copy(app.repo, name, dest, force=force)


@command("path", "thrum toolkit path", 'claude plugin marketplace add "$(thrum toolkit path)"')
def path(_: App) -> ToolkitPath:
    """Print the folder of the toolkit in the installed package."""
    return ToolkitPath(parts.directory())


toolkit = Group(
    "toolkit",
    "Copy agents, skills, templates and scripts that ship with thrum.",
    commands(list_, copy, path),
    (
        "thrum toolkit list",
        "thrum toolkit copy skills",
    ),
)


@human.register(ToolkitList)
def _list(listed: ToolkitList, screen: Screen) -> str:
    wide = max(len(tool.name) for tool in listed.tools) + 2
    lines: list[str] = []
    for kind, tools in groupby(listed.tools, key=attrgetter("kind")):
        members = list(tools)
        lines.append(bold(f"{kind.capitalize()}s, copied into {' and '.join(members[0].folders)}"))
        lines += [f"  {tool.name:{wide}}{dim(shorten(tool.about, screen.width - wide - 2))}" for tool in members]
    lines += ["Copy one, or all of a kind: thrum toolkit copy NAME [DEST]"] if screen.hints else []
    return "\n".join(lines)


@human.register(ToolkitPath)
def _path(place: ToolkitPath) -> str:
    return place.directory


@human.report(Copied)
def _copied(done: Copied) -> str:
    lines = [f"{file.status:<11}  {file.path}" for file in done.files]
    return "\n".join([*lines, *(f"Next: {step}." for step in done.next_steps)])
