"""runtime list, show and set-default; doctor runtimes; and uninit, which takes back what init wrote for them."""

from __future__ import annotations

from dataclasses import dataclass

import click

from thrum_cli.app import App
from thrum_cli.clients import check as checking
from thrum_cli.clients import detect
from thrum_cli.clients.check import Checked, RuntimeCheck
from thrum_cli.clients.configure import REFUSED, UNCHANGED, ClientFile, Configured, Unconfigured, unconfigure
from thrum_cli.clients.presets import PRESETS, Preset, Wake, preset
from thrum_cli.command import Entry, command, group, pass_app
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Outcome, Screen, human
from thrum_store.machine.host import REAL
from thrum_store.repository import paths

_SECTIONS = {
    "Commands": {
        "list": Entry("commands.runtimes:list_", "List the clients that thrum can be set up for."),
        "show": Entry("commands.runtimes:show", "Show what is known of a client, and how mail reaches its agent."),
        "set-default": Entry("commands.runtimes:set_default", "Choose the client that `--runtime auto` means."),
    }
}


@dataclass(frozen=True)
class RuntimeList:
    """All clients; `default_runtime` may be empty, `detected` are those that are used here, the surest first."""

    presets: tuple[Preset, ...]
    default_runtime: str
    detected: tuple[detect.Detected, ...]


@dataclass(frozen=True)
class DefaultSet:
    """The default runtime."""

    default_runtime: str


@group("runtime", _SECTIONS, "thrum runtime list", "thrum runtime show claude")
def runtime() -> None:
    """The clients that coding agents run in."""


@command("list", "thrum runtime list")
@pass_app
def list_(app: App) -> RuntimeList:
    """List the clients that thrum can be set up for."""
    here = paths.find(app.repo)
    found = detect.detected(here.root)
    return RuntimeList(tuple(sorted(PRESETS.values(), key=lambda one: one.name)), _default(here), found)


@command("show", "thrum runtime show claude", "thrum runtime show codex --json")
@click.argument("name")
def show(name: str) -> Preset:
    """Show what is known of a client, and how mail reaches its agent."""
    return preset(name)


@command("set-default", "thrum runtime set-default codex")
@click.argument("name")
@pass_app
def set_default(app: App, name: str) -> DefaultSet:
    """Choose the client that `--runtime auto` means."""
    return DefaultSet(detect.set_default(app.paths, name, REAL).name)


@command("runtimes", "thrum doctor runtimes", "thrum doctor runtimes claude", returns=Checked)
@click.argument("name", required=False)
@pass_app
def check(app: App, name: str | None) -> Outcome:
    """Check the clients that are set up here, or one.

    Looks at files only, and starts nothing. Exits with 1 when something is wrong.
    """
    found = checking.check(app.paths, name)
    return Outcome(found, 0 if found.healthy else 1)


@command("uninit", "thrum uninit --dry-run", "thrum uninit", returns=Unconfigured)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@pass_app
def uninit(app: App, dry_run: bool) -> Outcome:
    """Take back what `thrum init --runtime` wrote into this worktree.

    Files become what they were; from files that you changed since, only what is ours goes. Messages and identities
    stay in .thrum.
    """
    done = unconfigure(app.paths, dry_run=dry_run)
    return Outcome(done, 1 if any(one.status == REFUSED for one in done.files) else 0)


def _default(here: paths.Paths) -> str:
    return detect.default_runtime(here, REAL)


def changes(files: tuple[ClientFile, ...], *, with_diff: bool) -> str:
    """The files and what became of them; or what would become of them, as a diff."""
    lines = [f"  {one.status:<9}  {one.path}" + (f"  ({one.reason})" if one.reason else "") for one in files]
    diffs = [one.diff.rstrip("\n") for one in files if one.diff] if with_diff else []
    return "\n".join([*lines, *diffs])


@human.register(Configured)
def configured(done: Configured, screen: Screen) -> str:
    """How a set-up for clients looks: files, then what only the user can do."""
    del screen
    first = f"{'Would set up' if done.dry_run else 'Set up'} for {', '.join(done.runtimes)}:"
    steps = [f"  {one.runtime}: {one.step}" for one in done.steps]
    left = ["What is left to you:", *steps] if steps else []
    return "\n".join([first, changes(done.files, with_diff=done.dry_run), *left])


@human.register(Unconfigured)
def _unconfigured(done: Unconfigured, screen: Screen) -> str:
    del screen
    changed = tuple(one for one in done.files if one.status != UNCHANGED)
    if not changed:
        return "Nothing of ours is in the files of this worktree."
    return "\n".join(["Would take back:" if done.dry_run else "Taken back:", changes(changed, with_diff=done.dry_run)])


@human.register(RuntimeList)
def _list(found: RuntimeList, screen: Screen) -> str:
    sources = {one.name: one.source for one in found.detected}
    rows = [
        (
            one.name + (" *" if one.name == found.default_runtime else ""),
            one.display_name,
            _offers(one),
            sources.get(one.name, ""),
        )
        for one in found.presets
    ]
    note = ["* is the default"] if found.default_runtime else []
    return "\n".join([table(("RUNTIME", "CLIENT", "WITH", "HERE"), rows, screen), *note])


def _offers(one: Preset) -> str:
    parts = [what for what, there in (("MCP", one.mcp_supported), ("hooks", one.hooks_supported)) if there]
    return ", ".join(parts) or "CLI only"


@human.register(Preset)
def _preset(one: Preset, screen: Screen) -> str:
    rows = [
        ("Name", one.name), ("Client", one.display_name), ("Command", one.command or "none"), ("With", _offers(one)),
        ("Instructions", one.instructions_file), ("MCP config", one.mcp_config_path or "none"),
        ("Edits", one.edits), ("Notes", one.setup_notes), ("Your step", one.user_step or "none"),
        ("One wait", f"at most {one.wait_seconds} s"),
    ]  # fmt: skip
    told = card(one.display_name, rows, screen)
    wakes = any(rung.wakes for rung in one.wake)
    head = "How mail reaches its agent, best first:" if wakes else "How mail reaches its agent; none wakes an idle one:"
    return "\n".join([told, "", head, *(_rung(rung) for rung in one.wake)])


def _rung(rung: Wake) -> str:
    wakes = "wakes an idle agent" if rung.wakes else "does not wake"
    return f"  {rung.name} ({wakes}, {rung.basis}): {rung.how}; {rung.limits}"


@human.register(DefaultSet)
def _set(done: DefaultSet, screen: Screen) -> str:
    del screen
    return f"The default runtime is {done.default_runtime}."


@human.register(Checked)
def _checked(found: Checked, screen: Screen) -> str:
    del screen
    if not found.runtimes:
        return "No client is set up here. Try: thrum init --runtime auto"
    return "\n".join(_check(one) for one in found.runtimes)


def _check(one: RuntimeCheck) -> str:
    lines = [f"{one.runtime}: files {one.files}, starts {one.command}"]
    if one.step:
        lines.append(f"  your step, {one.user_step}: {one.step}")
    return "\n".join([*lines, *(f"  ! {problem}" for problem in one.problems)])
