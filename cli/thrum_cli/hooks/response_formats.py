"""How each client wants a hook to answer. Tried with the clients of November 2026, see docs/guides."""

from __future__ import annotations

import json
import os

# runtime -> our event -> the client's name of it, where its answer may carry text for the model
_CLAUDE = {"session-start": "SessionStart", "prompt": "UserPromptSubmit", "post-tool": "PostToolUse"}
_NAMES = {
    "claude": _CLAUDE | {"before-edit": "PreToolUse"},
    "codex": _CLAUDE | {"before-edit": "PreToolUse"},
    "gemini": {
        "session-start": "SessionStart", "prompt": "BeforeAgent", "post-tool": "AfterTool", "after-edit": "AfterTool",
    },
    "auggie": {"session-start": "SessionStart", "post-tool": "PostToolUse", "after-edit": "PostToolUse"},
}  # fmt: skip
SILENT_AFTER_COMPACTION = ("gemini", "cursor")  # the others start the session anew, or their plugin has us do so
_CURSOR = ("session-start", "prompt", "post-tool", "after-edit")


def tells(runtime: str, event: str) -> bool:
    """Whether a client hands the model what the hook of this event says."""
    return event in _CURSOR if runtime == "cursor" else runtime not in _NAMES or event in _NAMES[runtime]


def context(runtime: str, event: str, text: str) -> str:
    """What to print so that the model reads `text`; empty where this client has no way. Plain text for unknown ones."""
    if runtime == "cursor":
        told: dict[str, object] = {"additional_context": text}
        if event == "prompt":
            told["continue"] = True
        return json.dumps(told) if event in _CURSOR else ""
    if runtime not in _NAMES:
        return text
    name = _NAMES[runtime].get(event)
    return json.dumps({"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}}) if name else ""


def go_on(runtime: str, text: str) -> str:
    """What to print so that the agent does not stop and reads `text` instead."""
    answers: dict[str, dict[str, object]] = {
        "claude": {"hookSpecificOutput": {"hookEventName": "Stop", "additionalContext": text}},
        "codex": {"decision": "block", "reason": text},
        "gemini": {"decision": "deny", "reason": text},
        "auggie": {"hookSpecificOutput": {"hookEventName": "Stop", "decision": "block", "reason": text}},
        "cursor": {"followup_message": text},
    }
    return json.dumps(answers[runtime]) if runtime in answers else text


def cursor_has_its_own(project: str) -> bool:
    """Whether Cursor is set up by itself here; it runs the hooks of Claude Code as well."""
    return os.path.exists(os.path.join(project, ".cursor", "hooks.json"))
