"""runtime: the clients that coding agents run in."""

from __future__ import annotations

from dataclasses import dataclass

from thrum_cli.clients import detect
from thrum_cli.clients.presets import PRESETS, Preset, Wake, preset
from thrum_cli.command import App, Argument, Group, command, commands
from thrum_cli.terminal.output import Screen, card, human, table
from thrum_store.machine.host import REAL
from thrum_store.repository import paths


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


@command("list", "thrum runtime list")
def list_(app: App) -> RuntimeList:
    """List the clients that thrum can be set up for."""
    here = paths.find(app.repo)
    found = detect.detected(here.root)
    return RuntimeList(tuple(sorted(PRESETS.values(), key=lambda one: one.name)), _default(here), found)


@command("show", "thrum runtime show claude", "thrum runtime show codex --json", options=(Argument("name"),))
def show(_: App, name: str) -> Preset:
    """Show what is known of a client, and how mail reaches its agent."""
    return preset(name)


@command("set-default", "thrum runtime set-default codex", options=(Argument("name"),))
def set_default(app: App, name: str) -> DefaultSet:
    """Choose the client that `--runtime auto` means."""
    return DefaultSet(detect.set_default(app.paths, name, REAL).name)


runtime = Group(
    "runtime",
    "List the supported clients, and choose the default.",
    commands(list_, show, set_default),
    (
        "thrum runtime list",
        "thrum runtime show claude",
    ),
)


def _default(here: paths.Paths) -> str:
    return detect.default_runtime(here, REAL)


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
def _set(done: DefaultSet) -> str:
    return f"The default runtime is {done.default_runtime}."
