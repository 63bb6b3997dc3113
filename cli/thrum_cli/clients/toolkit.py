"""The toolkit that ships with thrum: agents, skills, templates, roles and scripts, and their copies in a project."""

from __future__ import annotations

import os
from glob import glob
from importlib import resources

from thrum_store.errors import Conflict, Invalid, NotFound, ThrumError
from thrum_store.repository import paths
from thrum_store.values import Record

from . import files
from .configure import tracked_links
from .detect import detected
from .presets import PRESETS

CREATED, OVERWRITTEN, UNCHANGED = "created", "overwritten", "unchanged"
EVERYTHING = "all"
_CLAUDE, _OTHERS = ".claude/skills", ".agents/skills"  # Claude Code reads the first, Codex and others the second
_SHOWN = 5  # files that an error names
_SCRIPT_MODE = 0o111


class Kind(Record):
    """A kind of tools: the patterns of its sources, the folder for copies, and the step that follows a copy."""

    sources: tuple[str, ...]
    folder: str
    next_step: str


KINDS = {
    "agent": Kind(("agents/*.md",), ".claude/agents", "Claude Code lists them after its next start: `claude agents`"),
    "skill": Kind(
        ("skills/*", "plugin/skills/*"), _CLAUDE, "Claude Code lists them as /NAME, Codex as $NAME, in its next session"
    ),
    "template": Kind(
        ("templates/agent-dev-workflow/[!R]*.md",),
        "docs/agent-dev-workflow",
        "fill in the {{double braces}}, and give the text to an agent",
    ),
    "role": Kind(("templates/roles/*.md",), ".thrum/role_templates", "`thrum roles deploy` applies them"),
    "script": Kind(("scripts/*.sh",), "scripts", "`scripts/setup-worktree-thrum.sh --help`"),
}


class Tool(Record):
    """A part of the toolkit. `folders` are those that it is copied into; a skill is a folder, all else is a file."""

    name: str
    kind: str
    about: str
    folders: tuple[str, ...]
    source: str


class Copy(Record):
    """A file of a tool and its place. `status`: created, overwritten or unchanged."""

    path: str
    status: str


class Copied(Record):
    """The files that were copied, and the steps that follow."""

    name: str
    files: tuple[Copy, ...]
    next_steps: tuple[str, ...]


class _Plan(Record):
    """A file to write: the path as shown, the real path, its bytes now and then, and the bits for a script."""

    shown: str
    real: str
    now: bytes | None
    then: bytes
    mode: int

    @property
    def status(self) -> str:
        """The change of the file."""
        return CREATED if self.now is None else UNCHANGED if self.now == self.then else OVERWRITTEN


def directory() -> str:
    """Return the folder of the toolkit in this installation."""
    return str(resources.files("thrum_toolkit"))


def tools(root: str | None = None) -> tuple[Tool, ...]:
    """Return all tools, with the folders for the clients that are used in the worktree `root`."""
    home = directory()
    return tuple(
        Tool(_name(source), kind, _about(source), _folders(kind, root), os.path.relpath(source, home))
        for kind, shape in KINDS.items()
        for pattern in shape.sources
        for source in sorted(glob(os.path.join(home, pattern)))
        if not source.endswith("__pycache__")
    )


def _name(source: str) -> str:
    return os.path.splitext(os.path.basename(source))[0]


def _folders(kind: str, root: str | None) -> tuple[str, ...]:
    """Return the folders for a kind: skills go where the clients that are used here read them, else everywhere."""
    if kind != "skill" or root is None:
        return (KINDS[kind].folder,)
    clients = {client.name for client in detected(root)} & PRESETS.keys()
    others = bool(clients - {"claude"}) or os.path.isdir(os.path.join(root, os.path.dirname(_OTHERS)))
    folders = [folder for folder, used in ((_CLAUDE, "claude" in clients), (_OTHERS, others)) if used]
    return tuple(folders) or (_CLAUDE, _OTHERS)


def _about(source: str) -> str:
    """Return the line that a text says about itself: its description, its first sentence, or its heading."""
    path = os.path.join(source, "SKILL.md") if os.path.isdir(source) else source
    lines = (files.read(path) or b"").decode().splitlines()
    head = lines[: next((number for number, line in enumerate(lines) if line.startswith("## ")), None)]
    described = [line.removeprefix("description: ") for line in head if line.startswith("description: ")]
    remarks = [line for line in head if line.startswith("> ")]
    sentences = [line for line in head if line[:1].isalpha() and line.endswith(".") and not {"$", "{"} & {*line}]
    return [*described, *remarks, *sentences, *(line for line in lines if line[:2] == "# ")][0].lstrip("#> ")


def wanted(name: str, root: str | None = None) -> tuple[Tool, ...]:
    """Return the tools of a name, of a kind, or all. Raises NotFound."""
    known = tools(root)
    plain = name.strip("/").split("/")[-1].removesuffix(".md").removesuffix(".sh")
    plain = "templates" if plain == "agent-dev-workflow" else plain
    if plain == EVERYTHING:
        return known
    chosen = [tool for tool in known if f"{tool.kind}s" == plain]
    chosen = chosen or [tool for tool in known if plain in (tool.name, tool.name.removeprefix("thrum-"))]
    exact = [tool for tool in chosen if tool.name == plain]
    if not chosen:
        raise NotFound(f"the toolkit has no {name!r}", hint="`thrum toolkit list` shows the names")
    return tuple(exact or chosen)


def copy(start: str, name: str, dest: str | None, *, force: bool = False) -> Copied:
    """Copy tools into a project, or into `dest`. Raises NotFound, Conflict for changed files without `force`."""
    place = None if dest is not None else paths.find(start)
    chosen = wanted(name, place.root if place else None)
    plans = [
        plan
        for tool in chosen
        for target in (_targets(tool, dest, several=len(chosen) > 1) if dest is not None else _defaults(tool))
        for plan in _plans(tool, target, place)
    ]
    changed = [plan.shown for plan in plans if plan.status == OVERWRITTEN]
    if changed and not force:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise Conflict(
            f"nothing was copied, because these files are there with another text: {', '.join(changed[:_SHOWN])}{more}",
            hint=f"to overwrite them: `thrum toolkit copy {name}{f' {dest}' if dest else ''} --force`",
        )
    _write(plans)
    steps = dict.fromkeys(KINDS[tool.kind].next_step for tool in chosen)
    return Copied(name, tuple(Copy(plan.shown, plan.status) for plan in plans), tuple(steps))


def _defaults(tool: Tool) -> list[str]:
    return [os.path.join(folder, os.path.basename(tool.source)) for folder in tool.folders]


def _targets(tool: Tool, dest: str, *, several: bool) -> list[str]:
    """Return the path for a tool in `dest`, which is a folder, or the very file or skill that is to be written."""
    base = os.path.basename(tool.source)
    if not dest.strip():
        raise Invalid("the destination is empty", hint="name a folder, or leave it out")
    suffix = os.path.splitext(base)[1]
    exact = os.path.basename(os.path.normpath(dest)) == base or (suffix and dest.endswith(suffix))
    return [dest if exact and not several and not (suffix and os.path.isdir(dest)) else os.path.join(dest, base)]


def _plans(tool: Tool, target: str, place: paths.Paths | None) -> list[_Plan]:
    """Return the plan for each file of a tool. Raises Forbidden for a place that must be left alone."""
    source = os.path.join(directory(), tool.source)
    inside = [
        os.path.relpath(os.path.join(folder, file), source)
        for folder, _, names in os.walk(source)
        for file in sorted(names)
    ]
    plans: list[_Plan] = []
    for part in inside or [""]:
        shown, origin = os.path.join(target, part).rstrip("/"), os.path.join(source, part).rstrip("/")
        root = place.root if place else os.path.dirname(os.path.abspath(target))
        within = shown if place else os.path.relpath(os.path.abspath(shown), root)
        real = files.resolved(root, within, tracked_links(place, [within]) if place else frozenset())
        mode = _SCRIPT_MODE if tool.kind == "script" else 0
        plans.append(_Plan(shown, real, files.read(real), files.read(origin) or b"", mode))
    return plans


def _write(plans: list[_Plan]) -> None:
    """Write the files; if the disk refuses one, those written before it are as they were."""
    done: list[tuple[_Plan, list[str]]] = []
    try:
        for plan in plans:
            if plan.status != UNCHANGED:
                done.append((plan, files.write(plan.real, plan.then)))
            if plan.mode:
                os.chmod(plan.real, os.stat(plan.real).st_mode | plan.mode)
    except (ThrumError, OSError):
        for plan, made in reversed(done):
            if plan.now is None:
                files.remove(plan.real)
                files.remove_empty(made)
            else:
                files.write(plan.real, plan.now)
        raise
