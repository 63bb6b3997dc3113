"""Facts about each client, as data. Measured in November 2026 with the clients themselves; see docs/guides.

A client's wake channels are the ways in which mail reaches its agent, best first.
"""

from __future__ import annotations

from thrum_mcp.wait_limits import WAIT_LIMITS
from thrum_store.errors import Invalid
from thrum_store.values import Record, replaced

VERIFIED = "2026-11"  # when the clients were last tried


class Wake(Record):
    """A wake channel: a way in which mail reaches an agent. `wakes`: it reaches an idle agent and starts a turn.

    `basis` is `seen` (tried with the client) or `read` (in its documentation). `events` are the hook events that use
    this channel.
    """

    name: str
    wakes: bool
    how: str
    limits: str
    basis: str
    events: tuple[str, ...] = ()


class Preset(Record):
    """A client. `wait_seconds` is how long it lets one call of wait_for_message take.

    `edits` says when the agent is warned of another agent's uncommitted changes to a file.
    """

    name: str
    display_name: str
    command: str
    mcp_supported: bool
    hooks_supported: bool
    instructions_file: str
    mcp_config_path: str
    setup_notes: str
    user_step: str
    wait_seconds: int
    wake: tuple[Wake, ...]
    edits: str = "not warned: the agent runs `thrum who-has FILE`"
    verified: str = VERIFIED


def _seconds(client: str) -> int:
    return WAIT_LIMITS[client].configured


def _wait(seconds: int, basis: str = "seen") -> Wake:
    return Wake(
        "wait", wakes=False, how="the agent calls wait_for_message and blocks",
        limits=f"at most {seconds} s per call, then it has to call again", basis=basis,
    )  # fmt: skip


_PROMPT = Wake(
    "prompt", wakes=False, how="a hook shows new mail with the next prompt and after each tool call",
    limits="only while the agent works", basis="seen", events=("prompt", "post-tool", "session-start"),
)  # fmt: skip
_STOP = Wake(
    "stop",
    wakes=False,
    how="a hook keeps the agent from stopping if there is new mail",
    limits="only at the end of a turn",
    basis="seen",
    events=("stop",),
)
_BEFORE = "warned before the edit"
_AFTER = "warned right after the edit: this client hides from the model what a hook prints before a tool call"
# fmt: skip

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "claude", "Claude Code", "claude", True, True, "AGENTS.md, or CLAUDE.md where there is one", ".mcp.json",
            "MCP server in .mcp.json; hooks and approvals in .claude/settings.json; agents in .claude/agents.",
            "start `claude` in this directory once and accept the trust dialog", _seconds("claude"),
            (
                Wake("monitor", wakes=True, how="the plugin runs `thrum listen --follow`; each line starts a turn",
                     limits="needs the plugin: see toolkit/README.md", basis="seen", events=("monitor",)),
                Wake("async-rewake", wakes=True, how="a background hook waits for mail and wakes the model (exit 2)",
                     limits="wakes once after each stop", basis="seen", events=("listen",)),
                Wake("background-wait", wakes=True, how="wait_for_message moves to the background after 120 s",
                     limits="interactive sessions only", basis="seen"),
                _PROMPT, _STOP,
            ),
            _BEFORE,
        ),
        Preset(
            "codex", "OpenAI Codex", "codex", True, True, "AGENTS.md", ".codex/config.toml",
            "MCP server in .codex/config.toml; hooks in .codex/hooks.json. Both need the user's trust.",
            "start `codex` in this directory, trust it, and accept the hooks when it asks to review them",
            _seconds("codex"),
            (
                Wake("queue", wakes=True, how="the stop hook starts a listener that queues mail with `codex queue`",
                     limits="needs codex on the PATH; from the first turn on; within 10 s if run with --no-daemon",
                     basis="seen", events=("listen",)),
                _PROMPT, _STOP, _wait(_seconds("codex")),
            ),
            _BEFORE,
        ),
        Preset(
            "cursor", "Cursor", "cursor-agent", True, True, "AGENTS.md", ".cursor/mcp.json",
            "MCP server in .cursor/mcp.json; hooks in .cursor/hooks.json. Calls to one server run one after the other.",
            "run `agent mcp enable thrum`, or turn it on under Settings > MCP", _seconds("cursor"),
            (
                Wake("stop", wakes=False, how="a hook submits new mail as a follow-up when the agent stops",
                     limits="at most ten times in a row; does not reach an idle session", basis="read",
                     events=_STOP.events),
                replaced(_PROMPT, basis="read"), _wait(_seconds("cursor"), "read"),
            ),
            _AFTER,
        ),
        Preset(
            "gemini", "Gemini CLI", "gemini", True, True, "AGENTS.md", ".gemini/settings.json",
            "MCP server, hooks and the names of instruction files, all in .gemini/settings.json.",
            "start `gemini` in this directory and trust the folder", _seconds("gemini"),
            (_PROMPT, _STOP, _wait(_seconds("gemini"))), _AFTER,
        ),
        Preset(
            "auggie", "Augment (Auggie)", "auggie", True, True, "AGENTS.md", ".augment/settings.json",
            "MCP server and hooks in .augment/settings.json. The model does not see the server's instructions.",
            "", _seconds("auggie"),
            (
                replaced(_STOP, limits="does not reach an idle session", basis="read"),
                Wake("after-tool", wakes=False, how="a hook shows new mail after each tool call", limits=_PROMPT.limits,
                     basis="read", events=_PROMPT.events),
                _wait(_seconds("auggie"), "read"),
            ),
            _AFTER,
        ),
        Preset(
            "amp", "Amp", "amp", True, True, "AGENTS.md", ".amp/settings.json",
            "MCP server in .amp/settings.json; a plugin in .amp/plugins shows new mail and wakes an idle session.",
            "run `amp mcp approve thrum`", _seconds("amp"),
            (
                Wake("plugin", wakes=True, how="the plugin waits for mail while the thread is idle and starts a turn",
                     limits="as long as amp runs", basis="read", events=("listen",)),
                replaced(_PROMPT, basis="read"), replaced(_STOP, basis="read"), _wait(_seconds("amp"), "read"),
            ),
            "warned with the edit's result",
        ),
        Preset(
            "opencode", "opencode", "opencode", True, True, "AGENTS.md", "opencode.json",
            "MCP server in opencode.json; a plugin beside it shows new mail and wakes an idle session.", "",
            _seconds("opencode"),
            (
                Wake("plugin", wakes=True, how="the plugin waits for mail while the session is idle and starts a turn",
                     limits="as long as opencode runs", basis="seen", events=("listen",)),
                _PROMPT, _wait(_seconds("opencode")),
            ),
            "warned with the edit's result",
        ),
        Preset(
            "cli-only", "any agent with a shell", "", False, False, "AGENTS.md", "",
            "The agent runs `thrum` in its shell; AGENTS.md explains how.", "", _seconds("cli-only"),
            (
                Wake("wait", wakes=False, how="the agent runs `thrum wait`", limits="as long as its shell allows",
                     basis="seen"),
            ),
        ),
    )
}  # fmt: skip
ALL = "all"
CHOICES = (*PRESETS, ALL)


def preset(name: str) -> Preset:
    """Return the client of this name. Raises Invalid, whose hint lists the names."""
    if name not in PRESETS:
        raise Invalid(f"unknown runtime {name!r}: preset not found", hint=f"use one of {', '.join(PRESETS)}")
    return PRESETS[name]


def chosen(name: str) -> tuple[Preset, ...]:
    """Return the clients that `--runtime NAME` stands for. Raises Invalid."""
    return tuple(PRESETS.values()) if name == ALL else (preset(name),)


def wake_channel(runtime: str, event: str) -> str:
    """Return the name of the wake channel that a hook's event belongs to in a client; empty if there is none."""
    channels = PRESETS[runtime].wake if runtime in PRESETS else ()
    return next((channel.name for channel in channels if event in channel.events), "")
