"""The nouns, and what makes a valid one. Nothing here touches a disk."""

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from .errors import Invalid

DISTRIBUTION = "thrum-agents"  # the name to install; `thrum` on the package index is another project's
EVERYONE = "everyone"
RESERVED = frozenset({"daemon", "system", "thrum", "all", "broadcast", EVERYONE})
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})
# Compiled by their first use, not by every import (0.3 ms each).
_NAME = r"[a-z0-9][a-z0-9_-]{0,63}"
_SCOPE_TYPE = r"[a-z][a-z0-9_-]{0,31}"
_THREAD_ID = r"thr_[0-9A-HJKMNP-TV-Z]{26}"
_MESSAGE_ID = r"msg_[0-9A-HJKMNP-TV-Z]{26}"

CONTENT_LIMIT = 1_000_000  # bytes of UTF-8 (reliability §4.5 M8)
STRUCTURED_LIMIT = 16_384
DEPTH_LIMIT = 32
LABEL_LIMIT = 256
TAGS_LIMIT = 64
KEY_LIMIT = 64
FORMATS = ("markdown", "plain", "json")


class Caller(NamedTuple):
    """Who asks: resolved once, at the edge."""

    name: str
    role: str = ""
    module: str = ""
    display: str = ""
    worktree: str = ""
    source: str = "flag"  # flag | environment | file


class Tag(NamedTuple):
    """A scope or a ref: routing or reference metadata, written `type:value`."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


def name(text: str, what: str = "name") -> str:
    """`text` as a name of an agent, role, group or module, or Invalid.

    64 characters of lower-case ASCII letters, digits, `-`, `_`; it becomes part of a path (reliability R1).
    """
    if not re.fullmatch(_NAME, text):
        raise Invalid(
            f"{text!r} cannot be a {what}",
            hint="use 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter or a digit",
        )
    if text in RESERVED or text in _DEVICES:
        raise Invalid(f"{text!r} is reserved and cannot be a {what}", hint="choose another one")
    return text


def address(text: str) -> str:
    """The bare name in `@name`, `name`, `name@nick` or the old `agent:role:hash`."""
    bare = text.strip().removeprefix("@")
    if bare.startswith("agent:"):
        bare = bare.split(":")[1] if bare.count(":") >= 1 else bare
    local, _, nick = bare.partition("@")
    if not re.fullmatch(_NAME, local) or (nick and not re.fullmatch(_NAME, nick)):
        raise Invalid(f"{text!r} is not an address", hint="write @name, @role, @group or @everyone")
    return bare


def tag(text: str, what: str) -> Tag:
    """`type:value` as a scope or a ref, or Invalid."""
    kind, colon, value = text.partition(":")
    if not colon or not value or not re.fullmatch(_SCOPE_TYPE, kind) or len(value) > LABEL_LIMIT:
        raise Invalid(f"{text!r} is not a {what}", hint=f"write a {what} as type:value, like module:auth")
    return Tag(kind, label(value, what))


def tags(texts: Iterable[str], what: str) -> tuple[Tag, ...]:
    """Several tags, merged, in the order given."""
    merged = tuple(dict.fromkeys(tag(text, what) for text in texts))
    if len(merged) > TAGS_LIMIT:
        raise Invalid(f"{len(merged)} {what}s are too many", hint=f"at most {TAGS_LIMIT} fit one message")
    return merged


def text(value: str, what: str) -> str:
    """Any text that can be stored: no NUL, no lone surrogate."""
    if "\0" in value:
        raise Invalid(f"the {what} contains a NUL character", hint="remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid(f"the {what} is not valid UTF-8", hint="send it as UTF-8 text") from None
    return value


def label(value: str, what: str) -> str:
    """A short text on one line, like a display name or an intent."""
    if len(value) > LABEL_LIMIT or "\n" in value:
        raise Invalid(f"the {what} must be one line of at most {LABEL_LIMIT} characters", hint="shorten it")
    return text(value, what)


def content(value: str) -> str:
    """A message's text, or Invalid where it is empty or too large."""
    if not value.strip():
        raise Invalid("the message is empty", hint="give it some text, or use --stdin or --body-file")
    size = len(text(value, "message").encode())
    if size > CONTENT_LIMIT:
        raise Invalid(
            f"the message has {size:,} bytes; {CONTENT_LIMIT:,} fit", hint="put it in a file and send the path"
        )
    return value


def body_format(value: str) -> str:
    """markdown, plain or json."""
    if value not in FORMATS:
        raise Invalid(f"{value!r} is not a format", hint="use markdown, plain or json")
    return value


def key(value: str | None) -> str | None:
    """An idempotency key, or None."""
    if value is not None and (not value or len(value) > KEY_LIMIT):
        raise Invalid("an idempotency key has 1 to 64 characters", hint="shorten it")
    return None if value is None else text(value, "idempotency key")


def structured(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object that travels with a message: 16 KiB and 32 levels at most, whole numbers of up to 53 bits."""
    try:
        told = text(json.dumps(value, ensure_ascii=False, allow_nan=False), "structured data")
    except (TypeError, ValueError, RecursionError):
        raise Invalid("the structured data is not a JSON object", hint='write it like {"pr": 42}') from None
    if (size := len(told.encode())) > STRUCTURED_LIMIT:
        raise Invalid(f"the structured data has {size:,} bytes; {STRUCTURED_LIMIT:,} fit", hint="shorten it")
    if not _plain(value, DEPTH_LIMIT):
        hint = f"write such numbers as text, and nest at most {DEPTH_LIMIT} levels"
        raise Invalid("the structured data holds too large a number or is too deep", hint=hint)
    return value


def _plain(value: Any, levels: int) -> bool:
    """Whether every reader takes this JSON: not too deep, no number that loses digits."""
    if value.__class__ is dict:
        return levels > 0 and all(_plain(inside, levels - 1) for inside in value.values())
    if value.__class__ in (list, tuple):
        return levels > 0 and all(_plain(inside, levels - 1) for inside in value)
    return not isinstance(value, int) or abs(value) < 2**53


def thread_id(value: str) -> str:
    """A thread id as it was shown, or Invalid."""
    if not re.fullmatch(_THREAD_ID, value):
        raise Invalid(f"{value!r} is not a thread id", hint="ids look like thr_01HXE…, see `thrum message get`")
    return value


def message_id(value: str) -> str:
    """A message id as it was shown, or Invalid."""
    if not re.fullmatch(_MESSAGE_ID, value):
        raise Invalid(f"{value!r} is not a message id", hint="ids look like msg_01HXE…, see `thrum inbox`")
    return value
