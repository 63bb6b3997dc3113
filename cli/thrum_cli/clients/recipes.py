"""The pieces that go into each client's files, in the formats that the clients of November 2026 accept."""

from __future__ import annotations

import os
import shlex
from importlib import resources
from typing import Any

from thrum_store.errors import Forbidden

from . import files, jsontext
from .launcher import Launcher
from .pieces import Item, Member, Needed, Whole
from .presets import PRESETS
from .section import Piece, Section
from .tables import Table

Recipe = dict[str, tuple[Piece, ...]]  # path within the worktree -> its pieces

_EDITS = "Edit|MultiEdit|Write|NotebookEdit"
_CODEX_EDITS = "apply_patch|Edit|Write"
_GEMINI_FILES = ["AGENTS.md", "GEMINI.md"]
_DAY = 86_400
# Not in .opencode/plugin: opencode installs packages into such a directory when it first starts.
_OPENCODE_PLUGIN = ".agents/thrum-opencode.js"


def recipe(runtime: str, root: str, launcher: Launcher) -> Recipe:
    """Return the pieces that `runtime` needs in the worktree `root`."""
    return _RECIPES[runtime](root, launcher)


def toolkit(*path: str) -> str:
    """Return a text that ships with thrum."""
    return resources.files("thrum_toolkit").joinpath(*path).read_text(encoding="utf-8")


def _claude(root: str, launcher: Launcher) -> Recipe:
    server = {**_server("claude", launcher), "timeout": 660_000, "alwaysLoad": True}
    hooks: list[Piece] = [
        _claude_hook("SessionStart", launcher, ("session-start", {}), ("listen", {"asyncRewake": True})),
        _claude_hook("UserPromptSubmit", launcher, ("prompt", {})),
        _claude_hook("PreToolUse", launcher, ("before-edit", {}), matcher=_EDITS),
        _claude_hook("PostToolUse", launcher, ("post-tool", {}), matcher="*"),
        _claude_hook("PostToolUse", launcher, ("after-edit", {"async": True}), matcher=_EDITS),
        _claude_hook("Stop", launcher, ("stop", {}), ("listen", {"asyncRewake": True})),
        _claude_hook("PreCompact", launcher, ("pre-compact", {})),
        _claude_hook("SessionEnd", launcher, ("session-end", {})),
    ]
    return {
        ".mcp.json": (Member(("mcpServers", "thrum"), {"type": "stdio", **server}),),
        ".claude/settings.json": (
            Item(("enabledMcpjsonServers",), "thrum"),
            Item(("permissions", "allow"), "mcp__thrum"),
            *hooks,
        ),
        ".claude/agents/thrum-agent.md": (Whole(toolkit("agents", "thrum-agent.md")),),
        ".claude/agents/message-listener.md": (Whole(toolkit("agents", "message-listener.md")),),
        _claude_instructions(root): (_section(),),
    }


def _claude_hook(event: str, launcher: Launcher, *calls: tuple[str, dict[str, Any]], matcher: str = "") -> Item:
    first, *rest = launcher
    hooks = [
        {
            "type": "command",
            "command": first,
            "args": [*rest, "hook", name, "--runtime", "claude"],
            "timeout": _DAY if name == "listen" else 10,
            **extra,
        }
        for name, extra in calls
    ]
    return Item(("hooks", event), {"matcher": matcher, "hooks": hooks} if matcher else {"hooks": hooks})


def _claude_instructions(root: str) -> str:
    """Return the file that Claude Code reads: AGENTS.md only if there is no CLAUDE.md or if that imports it."""
    own = os.path.join(root, "CLAUDE.md")
    return "CLAUDE.md" if os.path.exists(own) and "@AGENTS.md" not in _read(own) else "AGENTS.md"


def _codex(root: str, launcher: Launcher) -> Recipe:
    del root
    first, *rest = (jsontext.written(part) for part in launcher)
    arguments = ", ".join([*rest, '"mcp"', '"serve"'])
    table = (
        f"[mcp_servers.thrum]\ncommand = {first}\nargs = [{arguments}]\n"
        'env_vars = ["THRUM_NAME", "THRUM_ROLE", "THRUM_MODULE"]\n'
        "startup_timeout_sec = 30\ntool_timeout_sec = 660\n"
        'default_tools_approval_mode = "approve"\n\n'
        f'[mcp_servers.thrum.env]\nTHRUM_WAIT_MAX = "{PRESETS["codex"].wait_seconds}"'
    )
    events = (
        ("SessionStart", "", ("session-start",)), ("UserPromptSubmit", "", ("prompt",)),
        ("PreToolUse", _CODEX_EDITS, ("before-edit",)), ("PostToolUse", "", ("post-tool",)),
        ("PostToolUse", _CODEX_EDITS, ("after-edit",)), ("Stop", "", ("listen",)),
        ("PreCompact", "", ("pre-compact",)), ("SessionEnd", "", ("session-end",)),
    )  # fmt: skip
    hooks = tuple(
        _group(
            event, matcher,
            *(_shell_hook("codex", name, launcher, 3 if event == "SessionEnd" else 10) for name in names),
        )
        for event, matcher, names in events
    )  # fmt: skip
    return {
        ".codex/config.toml": (Table(("mcp_servers", "thrum"), table),),
        ".codex/hooks.json": hooks,
        "AGENTS.md": (_section(),),
    }


def _gemini(root: str, launcher: Launcher) -> Recipe:
    server = {**_server("gemini", launcher), "timeout": 660_000, "trust": True}
    events = (
        ("SessionStart", "", "session-start"), ("BeforeAgent", "", "prompt"), ("AfterTool", "", "post-tool"),
        ("AfterTool", "write_file|replace", "after-edit"), ("AfterAgent", "", "stop"),
        ("PreCompress", "manual", "pre-compact"), ("SessionEnd", "", "session-end"),  # "auto": before every request
    )  # fmt: skip
    hooks = tuple(
        _group(event, matcher, _shell_hook("gemini", name, launcher, 10_000)) for event, matcher, name in events
    )
    named, instructions = _gemini_instructions(root)
    return {
        ".gemini/settings.json": (Member(("mcpServers", "thrum"), server), *named, *hooks),
        instructions: (_section(),),
    }


def _gemini_instructions(root: str) -> tuple[tuple[Piece, ...], str]:
    """Return the setting that has Gemini read AGENTS.md, and that file; or the user's own choice."""
    names = _setting(os.path.join(root, ".gemini", "settings.json"), ("context", "fileName"))
    listed = [names] if isinstance(names, str) else jsontext.sequence(names)
    if not listed or listed == _GEMINI_FILES:
        return (Needed(("context", "fileName"), _GEMINI_FILES),), "AGENTS.md"
    own = [name for name in listed if isinstance(name, str) and os.path.basename(name) == name]
    return (), "AGENTS.md" if "AGENTS.md" in own or not own else own[0]


def _auggie(root: str, launcher: Launcher) -> Recipe:
    del root
    first, *rest = (shlex.quote(part) for part in launcher)  # Auggie joins them and gives them to a shell
    server = {**_server("auggie", (first, *rest)), "type": "stdio"}
    events = (
        ("SessionStart", "", "session-start"), ("PostToolUse", "", "post-tool"),
        ("PostToolUse", "str-replace-editor|save-file|remove-files", "after-edit"), ("Stop", "", "stop"),
        ("SessionEnd", "", "session-end"),
    )  # fmt: skip
    hooks = tuple(
        _group(event, matcher, _exec_hook("auggie", name, launcher, 10_000)) for event, matcher, name in events
    )
    return {".augment/settings.json": (Member(("mcpServers", "thrum"), server), *hooks), "AGENTS.md": (_section(),)}


def _amp(root: str, launcher: Launcher) -> Recipe:
    del root
    server = Member(("amp.mcpServers", "thrum"), _server("amp", launcher))
    plugin = _plugin(launcher, "amp", "thrum.ts")
    return {".amp/settings.json": (server,), ".amp/plugins/thrum.ts": (plugin,), "AGENTS.md": (_section(),)}


def _cursor(root: str, launcher: Launcher) -> Recipe:
    del root
    events: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("sessionStart", "session-start", {}), ("beforeSubmitPrompt", "prompt", {}), ("postToolUse", "post-tool", {}),
        ("postToolUse", "after-edit", {"matcher": "Write|Delete"}), ("stop", "stop", {"loop_limit": 10}),
        ("preCompact", "pre-compact", {}), ("sessionEnd", "session-end", {}),
    )  # fmt: skip
    hooks = tuple(
        Item(("hooks", event), {"command": _line("cursor", name, launcher), "timeout": 10, **extra})
        for event, name, extra in events
    )
    return {
        ".cursor/mcp.json": (Member(("mcpServers", "thrum"), _server("cursor", launcher)),),
        ".cursor/hooks.json": (Needed(("version",), 1, alone=True), *hooks),
        "AGENTS.md": (_section(),),
    }


def _opencode(root: str, launcher: Launcher) -> Recipe:
    name = "opencode.jsonc" if os.path.exists(os.path.join(root, "opencode.jsonc")) else "opencode.json"
    server = {
        "type": "local",
        "command": [*launcher, "mcp", "serve"],
        "environment": {"THRUM_WAIT_MAX": str(PRESETS["opencode"].wait_seconds)},
        "enabled": True,
        "timeout": 30_000,
    }
    return {
        name: (Member(("mcp", "thrum"), server), Item(("plugin",), f"./{_OPENCODE_PLUGIN}")),
        _OPENCODE_PLUGIN: (_plugin(launcher, "opencode", "thrum.js"),),
        "AGENTS.md": (_section(),),
    }


def _cli_only(root: str, launcher: Launcher) -> Recipe:
    del root, launcher
    return {"AGENTS.md": (_section(),)}


_RECIPES = {
    "claude": _claude,
    "codex": _codex,
    "cursor": _cursor,
    "gemini": _gemini,
    "auggie": _auggie,
    "amp": _amp,
    "opencode": _opencode,
    "cli-only": _cli_only,
}


def _server(runtime: str, launcher: Launcher) -> dict[str, Any]:
    first, *rest = launcher
    wait = str(PRESETS[runtime].wait_seconds)
    return {"command": first, "args": [*rest, "mcp", "serve"], "env": {"THRUM_WAIT_MAX": wait}}


def _plugin(launcher: Launcher, *place: str) -> Whole:
    """Return a plugin that ships with thrum, with the command that starts thrum filled in."""
    return Whole(toolkit("runtimes", *place).replace('["thrum"]', jsontext.written(list(launcher)), 1))


def _group(event: str, matcher: str, *hooks: dict[str, Any]) -> Item:
    """Return the hooks of an event, for the tools that the matcher names."""
    return Item(("hooks", event), ({"matcher": matcher} if matcher else {}) | {"hooks": list(hooks)})


def _line(runtime: str, event: str, launcher: Launcher) -> str:
    return shlex.join([*launcher, "hook", event, "--runtime", runtime])


def _shell_hook(runtime: str, event: str, launcher: Launcher, timeout: int) -> dict[str, Any]:
    return {"type": "command", "command": _line(runtime, event, launcher), "timeout": timeout}


def _exec_hook(runtime: str, event: str, launcher: Launcher, timeout: int) -> dict[str, Any]:
    first, *rest = launcher
    arguments = [*rest, "hook", event, "--runtime", runtime]
    return {"type": "command", "command": first, "args": arguments, "timeout": timeout}


def _section() -> Section:
    return Section(toolkit("runtimes", "AGENTS.md"), "<!--", " -->")


def _read(path: str) -> str:
    """Return the text of a file, or an empty one, also for a file that will be refused anyway."""
    try:
        return (files.read(path) or b"").decode("utf-8-sig", "replace")
    except Forbidden:
        return ""


def _setting(path: str, names: tuple[str, ...]) -> Any:
    """Return a value in a JSON file, or None, also for a file that does not exist or that will be refused anyway."""
    try:
        return jsontext.value(_read(path), names)
    except jsontext.NotJson:
        return None
