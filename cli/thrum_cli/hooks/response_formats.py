"""The response format of each client's hooks. Tried with the clients of November 2026; see docs/guides."""

from __future__ import annotations

from thrum_store.values import escaped

# runtime -> our event -> the client's name for it, where its response may carry text for the model
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


def reaches_model(runtime: str, event: str) -> bool:
    """Return whether a client gives the model the text of this event's hook."""
    return event in _CURSOR if runtime == "cursor" else runtime not in _NAMES or event in _NAMES[runtime]


def context(runtime: str, event: str, text: str) -> str:
    """Return the response that adds `text` to the model's context.

    It is empty if this client cannot do that, and the plain text for an unknown client.
    """
    if not reaches_model(runtime, event):
        return ""
    if runtime == "cursor":
        return escaped({"additional_context": text} | ({"continue": True} if event == "prompt" else {}))
    if runtime not in _NAMES:
        return text
    name = _NAMES[runtime][event]
    return escaped({"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}})


def go_on(runtime: str, text: str) -> str:
    """Return the response that keeps the agent from stopping and gives it `text`."""
    responses: dict[str, dict[str, object]] = {
        "claude": {"hookSpecificOutput": {"hookEventName": "Stop", "additionalContext": text}},
        "codex": {"decision": "block", "reason": text},
        "gemini": {"decision": "deny", "reason": text},
        "auggie": {"hookSpecificOutput": {"hookEventName": "Stop", "decision": "block", "reason": text}},
        "cursor": {"followup_message": text},
    }
    return escaped(responses[runtime]) if runtime in responses else text
