"""What is known of each client, as data. Measured in November 2026 with the clients themselves; see docs/guides.

A rung is a way in which mail reaches an agent. Best first: `wakes` says whether it reaches an idle one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from thrum_store.errors import Invalid

VERIFIED = "2026-11"  # when the clients were last tried


@dataclass(frozen=True)
class Wake:
    """One way in which mail reaches an agent. `basis`: seen (tried with the client), read (its own text or docs).

    `events` are those of our hooks that go this way.
    """

    name: str
    wakes: bool
    how: str
    limits: str
    basis: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preset:
    """A client. `wait_seconds` is how long one wait_for_message may take before the client gives up on it.

    `edits` says when the agent is warned of another one's uncommitted changes to a file.
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
    edits: str = "not warned: the agent asks `thrum who-has FILE`"
    verified: str = VERIFIED


def _wait(seconds: int, basis: str = "seen") -> Wake:
    return Wake(
        "wait", wakes=False, how="the agent calls wait_for_message and blocks",
        limits=f"at most {seconds} s a call, then it has to call again", basis=basis,
    )  # fmt: skip


_PROMPT = Wake(
    "prompt", wakes=False, how="a hook shows new mail with the next prompt and after each tool call",
    limits="only while the agent works", basis="seen", events=("prompt", "post-tool", "session-start"),
)  # fmt: skip
_STOP = Wake(
    "stop",
    wakes=False,
    how="a hook keeps the agent from stopping while new mail is there",
    limits="only at the end of a turn",
    basis="seen",
    events=("stop",),
)
_BEFORE = "warned before the edit"
_AFTER = "warned right after the edit: what its hook before a tool says, the model does not see"
# fmt: skip

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "claude", "Claude Code", "claude", True, True, "AGENTS.md, or CLAUDE.md where there is one", ".mcp.json",
            "MCP server in .mcp.json; hooks and approvals in .claude/settings.json; agents in .claude/agents.",
            "start `claude` in this directory once and accept the trust dialog", 600,
            (
                Wake("monitor", wakes=True, how="the plugin's monitor runs `thrum listen --follow`; a line is a turn",
                     limits="needs the plugin: see toolkit/README.md", basis="seen", events=("monitor",)),
                Wake("async-rewake", wakes=True, how="a background hook waits for mail and wakes the model (exit 2)",
                     limits="one wake for each stop; starts again at the next", basis="seen", events=("listen",)),
                Wake("background-wait", wakes=True, how="wait_for_message moves to the background after 120 s",
                     limits="interactive sessions only", basis="seen"),
                _PROMPT, _STOP,
            ),
            _BEFORE,
        ),
        Preset(
            "codex", "OpenAI Codex", "codex", True, True, "AGENTS.md", ".codex/config.toml",
            "MCP server in .codex/config.toml; hooks in .codex/hooks.json. Both count only once the user trusts them.",
            "start `codex` in this directory, trust it, and accept the hooks when it asks to review them", 600,
            (
                Wake("queue", wakes=True, how="a listener that the stop hook starts queues mail with `codex queue`",
                     limits="codex on the PATH; from the first turn on; within 10 s where run with --no-daemon",
                     basis="seen", events=("listen",)),
                _PROMPT, _STOP, _wait(600),
            ),
            _BEFORE,
        ),
        Preset(
            "cursor", "Cursor", "cursor-agent", True, True, "AGENTS.md", ".cursor/mcp.json",
            "MCP server in .cursor/mcp.json; hooks in .cursor/hooks.json. Calls to one server wait for each other.",
            "run `agent mcp enable thrum`, or switch it on under Settings, MCP", 50,
            (
                Wake("stop", wakes=False, how="a hook submits new mail as a follow-up when the agent stops",
                     limits="ten times in a row; an idle session is not reached", basis="read",
                     events=_STOP.events),
                replace(_PROMPT, basis="read"), _wait(50, "read"),
            ),
            _AFTER,
        ),
        Preset(
            "gemini", "Gemini CLI", "gemini", True, True, "AGENTS.md", ".gemini/settings.json",
            "MCP server, hooks and the names of instruction files, all in .gemini/settings.json.",
            "start `gemini` in this directory and trust the folder", 600,
            (_PROMPT, _STOP, _wait(600)), _AFTER,
        ),
        Preset(
            "auggie", "Augment (Auggie)", "auggie", True, True, "AGENTS.md", ".augment/settings.json",
            "MCP server and hooks in .augment/settings.json. It shows the model tools only, no server instructions.",
            "", 540,
            (
                replace(_STOP, limits="an idle session cannot be reached", basis="read"),
                Wake("after-tool", wakes=False, how="a hook shows new mail after each tool call", limits=_PROMPT.limits,
                     basis="read", events=_PROMPT.events),
                _wait(540, "read"),
            ),
            _AFTER,
        ),
        Preset(
            "amp", "Amp", "amp", True, True, "AGENTS.md", ".amp/settings.json",
            "MCP server in .amp/settings.json; a plugin in .amp/plugins shows new mail and wakes an idle session.",
            "run `amp mcp approve thrum`", 280,
            (
                Wake("plugin", wakes=True, how="the plugin waits for mail while the thread is idle and starts a turn",
                     limits="as long as amp runs", basis="read", events=("listen",)),
                replace(_PROMPT, basis="read"), replace(_STOP, basis="read"), _wait(280, "read"),
            ),
            "warned with the edit's result",
        ),
        Preset(
            "opencode", "opencode", "opencode", True, True, "AGENTS.md", "opencode.json",
            "MCP server in opencode.json; a plugin beside it shows new mail and wakes an idle session.", "", 240,
            (
                Wake("plugin", wakes=True, how="the plugin waits for mail while the session is idle and starts a turn",
                     limits="as long as opencode runs", basis="seen", events=("listen",)),
                _PROMPT, _wait(240),
            ),
            "warned with the edit's result",
        ),
        Preset(
            "cli-only", "any agent with a shell", "", False, False, "AGENTS.md", "",
            "The agent uses `thrum` in its shell; AGENTS.md says how.", "", 240,
            (
                Wake("wait", wakes=False, how="the agent runs thrum wait", limits="as long as its shell lets it",
                     basis="seen"),
            ),
        ),
    )
}  # fmt: skip
ALL = "all"
CHOICES = (*PRESETS, ALL)


def preset(name: str) -> Preset:
    """The client of that name. Raises Invalid, naming those there are."""
    if name not in PRESETS:
        raise Invalid(f"there is no runtime {name!r}", hint=f"one of {', '.join(PRESETS)}")
    return PRESETS[name]


def chosen(name: str) -> tuple[Preset, ...]:
    """The clients that `--runtime NAME` means. Raises Invalid."""
    return tuple(PRESETS.values()) if name == ALL else (preset(name),)


def wake_channel(runtime: str, event: str) -> str:
    """Return the name of the wake channel that a hook's event belongs to in a client; empty if there is none."""
    channels = PRESETS[runtime].wake if runtime in PRESETS else ()
    return next((channel.name for channel in channels if event in channel.events), "")
