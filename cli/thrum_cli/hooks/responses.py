"""Responses of a hook: new mail as a text for the model, in the format of the client's hooks.

Sender, id and how to answer are in plain words; the messages themselves are fenced. The formats were tried with the
clients of November 2026; see docs/guides.
"""

from __future__ import annotations

from thrum_store.service.message_parts import UNTRUSTED, fenced, marker, shorten
from thrum_store.values import escaped, safe_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from thrum_store.machine.host import Entropy
    from thrum_store.service.messages.offers import Offer, OfferedMessage

_DIGEST_BYTES = 4_000
_MESSAGE_BYTES = 1_200
_LISTED = 5
_HOW_TO_ANSWER = (
    "To answer: thrum reply ID TEXT, or the tool send_message(to, content, reply_to). To read all of it and mark it as"
    " read: the tool check_messages, or thrum inbox --unread and thrum message read ID."
)

_DIGEST_BEGINNING = "thrum: you have unread mail, @"
_SIGNAL_BEGINNING = "thrum: mail for you, @"

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


def digest(offer: Offer, agent: str, entropy: Entropy, budget: int = _DIGEST_BYTES) -> str:
    """Return the offered messages within `budget` bytes, oldest first, and the number of those left out."""
    if not offer.messages:
        return ""
    mark = marker([message.content for message in offer.messages], entropy)
    first = (
        f"{_DIGEST_BEGINNING}{agent}. The text between the lines marked {mark} was {UNTRUSTED}."
        " This note itself comes from thrum, not from your user."
    )
    parts = [first]
    size = len(first.encode()) + len(_HOW_TO_ANSWER) + 80
    for message in offer.messages:
        part = _message(message, mark)
        size += len(part.encode()) + 2
        if size > budget and len(parts) > 1:
            break
        parts.append(part)
    more = offer.unread - len(parts) + 1
    held = [f"thrum: {reason}." for reason in offer.held]
    return "\n\n".join([*parts, *held, (f"{more} more unread. " if more > 0 else "") + _HOW_TO_ANSWER])


def is_wake(prompt: str) -> bool:
    """Return whether a prompt is a text with which we woke the agent."""
    return _DIGEST_BEGINNING in prompt or _SIGNAL_BEGINNING in prompt


def _message(message: OfferedMessage, mark: str) -> str:
    header = message.header
    heading = f"from @{header.author} · {header.sent_at} · id {header.id}"
    if header.reply_to:
        heading += f" · in reply to {header.reply_to}"
    return f"{heading}\n{fenced(safe_text(shorten(message.content, _MESSAGE_BYTES)), mark)}"


def signal(offer: Offer, agent: str) -> str:
    """Return one line without the messages' own text, for a channel in which text cannot be fenced."""
    listed = ", ".join(f"{message.header.id} from @{message.header.author}" for message in offer.messages[:_LISTED])
    more = len(offer.messages) - _LISTED
    rest = f" and {more} more" if more > 0 else ""
    return f"{_SIGNAL_BEGINNING}{agent}: {listed}{rest}. Read it with check_messages (or thrum inbox --unread)."


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
