"""runtime: the clients that coding agents run in."""

from __future__ import annotations

from thrum_cli.clients import detect
from thrum_cli.clients.presets import PRESETS, Preset, Wake, preset
from thrum_cli.command import App, Argument, Group, command, commands
from thrum_cli.terminal.layout import card, table
from thrum_cli.terminal.output import Screen, human
from thrum_store.machine.host import REAL
from thrum_store.repository.paths import find
from thrum_store.values import Record


class RuntimeList(Record):
    """The supported clients; `default_runtime` may be empty, `detected` are the clients used here, surest first."""

    presets: tuple[Preset, ...]
    default_runtime: str
    detected: tuple[detect.Detected, ...]


class DefaultSet(Record):
    """The default runtime."""

    default_runtime: str


@command("list", "thrum runtime list")
def list_(app: App) -> RuntimeList:
    """List the clients that thrum can be set up for."""
    paths = find(app.repo)
    presets = tuple(sorted(PRESETS.values(), key=lambda preset: preset.name))
    return RuntimeList(presets, detect.default_runtime(paths, REAL), detect.detected(paths.root))


@command("show", "thrum runtime show claude", "thrum runtime show codex --json", options=(Argument("name"),))
def show(_: App, name: str) -> Preset:
    """Show a client, and how messages reach its agent."""
    return preset(name)


@command("set-default", "thrum runtime set-default codex", options=(Argument("name"),))
def set_default(app: App, name: str) -> DefaultSet:
    """Choose the client that `--runtime auto` stands for."""
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


@human.register(RuntimeList)
def _list(listed: RuntimeList, screen: Screen) -> str:
    sources = {client.name: client.source for client in listed.detected}
    rows = [
        (
            preset.name + (" *" if preset.name == listed.default_runtime else ""),
            preset.display_name,
            _offers(preset),
            sources.get(preset.name, ""),
        )
        for preset in listed.presets
    ]
    note = ["* is the default"] if listed.default_runtime else []
    return "\n".join([table(("runtime", "client", "with", "detected by"), rows, screen), *note])


def _offers(preset: Preset) -> str:
    offers = (("MCP", preset.mcp_supported), ("hooks", preset.hooks_supported))
    return ", ".join(name for name, supported in offers if supported) or "CLI only"


@human.register(Preset)
def _preset(preset: Preset, screen: Screen) -> str:
    rows = [
        ("Name", preset.name),
        ("Client", preset.display_name),
        ("Command", preset.command or "none"),
        ("With", _offers(preset)),
        ("Instructions", preset.instructions_file),
        ("MCP config", preset.mcp_config_path or "none"),
        ("Edits", preset.edits),
        ("Notes", preset.setup_notes),
        ("Your step", preset.user_step or "none"),
        ("One wait", f"at most {preset.wait_seconds} s"),
    ]
    wakes = any(channel.wakes for channel in preset.wake)
    head = "Channels by which messages reach its agent, best first:" if wakes else "No channel wakes an idle agent:"
    return "\n".join([card(preset.display_name, rows, screen), "", head, *map(_channel, preset.wake)])


def _channel(channel: Wake) -> str:
    wakes = "wakes an idle agent" if channel.wakes else "does not wake"
    return f"  {channel.name} ({wakes}, {channel.basis}): {channel.how}; {channel.limits}"


@human.report(DefaultSet)
def _set(chosen: DefaultSet) -> str:
    return f"Default runtime set to: {chosen.default_runtime}."
