"""The nouns, and the rules for valid ones. Nothing in this module touches a disk."""

from __future__ import annotations

from . import json_codec
from .errors import Invalid
from .records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

DISTRIBUTION = "thrum-agents"  # the name to install; `thrum` on the package index is another project's
EVERYONE = "everyone"
RESERVED = frozenset({"daemon", "system", "thrum", "all", "broadcast", EVERYONE})
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))})

NAME = r"[a-z0-9][a-z0-9_-]{0,63}"  # the pattern of a name, for larger patterns; a path may hold one
NAME_LIMIT = 64
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz")
_START = _LOWER | frozenset("0123456789")
_INSIDE = _START | frozenset("_-")
_CROCKFORD = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_ID_LENGTH = 26  # letters after the prefix
_SCOPE_TYPE_LIMIT = 32

CONTENT_LIMIT = 1_000_000  # bytes of UTF-8
STRUCTURED_LIMIT = 16_384
DEPTH_LIMIT = 32
LABEL_LIMIT = 256
TAGS_LIMIT = 64
KEY_LIMIT = 64
FORMATS = ("markdown", "plain", "json")


class Caller(NamedTuple):
    """The agent that calls, resolved once where a request enters."""

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


def is_name(text: str) -> bool:
    """Return whether `text` has the form of a name, as the pattern `NAME` says it."""
    return 0 < len(text) <= NAME_LIMIT and text[0] in _START and _INSIDE.issuperset(text)


def name(text: str, noun: str = "name") -> str:
    """Return `text` if it can be the name of an agent, role, group or module; it becomes part of a path.

    A name has 1 to 64 lower-case ASCII letters, digits, `-` and `_`. Raises Invalid.
    """
    if not is_name(text):
        raise Invalid(
            f"{text!r} cannot be a {noun}",
            hint="use 1 to 64 of a-z, 0-9, `-` and `_`, beginning with a letter or a digit",
        )
    if text in RESERVED or text in _DEVICES:
        raise Invalid(f"{text!r} is reserved and cannot be a {noun}", hint="choose another one")
    return text


def address(text: str) -> str:
    """Return the bare name in `@name`, `name`, `name@nick` or the old `agent:role:hash`. Raises Invalid."""
    bare = text.strip().removeprefix("@")
    if bare.startswith("agent:"):
        bare = bare.split(":")[1]
    local, _, nick = bare.partition("@")
    if not is_name(local) or (nick and not is_name(nick)):
        raise Invalid(f"{text!r} is not an address", hint="write @name, @role, @group or @everyone")
    return bare


def tag(text: str, noun: str) -> Tag:
    """Parse `type:value` as a scope or a ref. Raises Invalid."""
    kind, colon, value = text.partition(":")
    if not colon or not value or not _is_scope_type(kind) or len(value) > LABEL_LIMIT:
        raise Invalid(f"{text!r} is not a {noun}", hint=f"write a {noun} as type:value, like module:auth")
    return Tag(kind, label(value, noun))


def _is_scope_type(text: str) -> bool:
    return is_name(text) and len(text) <= _SCOPE_TYPE_LIMIT and text[0] in _LOWER


def tags(texts: Iterable[str], noun: str) -> tuple[Tag, ...]:
    """Parse several tags; repeated ones count once, in the order given. Raises Invalid."""
    merged = tuple(dict.fromkeys(tag(text, noun) for text in texts))
    if len(merged) > TAGS_LIMIT:
        raise Invalid(f"{len(merged)} {noun}s are too many", hint=f"use at most {TAGS_LIMIT} in one message")
    return merged


def text(value: str, noun: str) -> str:
    """Return a text that can be stored: it holds no NUL and no lone surrogate. Raises Invalid."""
    if "\0" in value:
        raise Invalid(f"the {noun} contains a NUL character", hint="remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid(f"the {noun} is not valid UTF-8", hint="send it as UTF-8 text") from None
    return value


def label(value: str, noun: str) -> str:
    """Return a short text on one line, like a display name or an intent. Raises Invalid."""
    if len(value) > LABEL_LIMIT or "\n" in value:
        raise Invalid(f"the {noun} must be one line of at most {LABEL_LIMIT} characters", hint="shorten it")
    return text(value, noun)


def content(value: str) -> str:
    """Return the text of a message. Raises Invalid if it is empty or too large."""
    if not value.strip():
        raise Invalid("the message is empty", hint="give it some text, or use --stdin or --body-file")
    size = len(text(value, "message").encode())
    if size > CONTENT_LIMIT:
        raise Invalid(
            f"the message has {size:,} bytes; at most {CONTENT_LIMIT:,} are allowed",
            hint="put it in a file and send the path",
        )
    return value


def body_format(value: str) -> str:
    """Return markdown, plain or json. Raises Invalid for anything else."""
    if value not in FORMATS:
        raise Invalid(f"{value!r} is not a format", hint="use markdown, plain or json")
    return value


def key(value: str | None) -> str | None:
    """Return an idempotency key, or None. Raises Invalid."""
    if value is not None and (not value or len(value) > KEY_LIMIT):
        raise Invalid(f"an idempotency key has 1 to {KEY_LIMIT} characters", hint="shorten it")
    return None if value is None else text(value, "idempotency key")


def structured(value: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object that travels with a message. Raises Invalid.

    It has at most 16 KiB and 32 levels, and whole numbers of at most 53 bits.
    """
    try:
        encoded = text(json_codec.finite(value), "structured data")
    except (TypeError, ValueError, RecursionError):
        raise Invalid("the structured data is not a JSON object", hint='write it like {"pr": 42}') from None
    if (size := len(encoded.encode())) > STRUCTURED_LIMIT:
        raise Invalid(
            f"the structured data has {size:,} bytes; at most {STRUCTURED_LIMIT:,} are allowed", hint="shorten it"
        )
    if not _plain(value, DEPTH_LIMIT):
        hint = f"write such numbers as text, and nest at most {DEPTH_LIMIT} levels"
        raise Invalid("the structured data holds too large a number or is nested too deep", hint=hint)
    return value


def _plain(value: Any, levels: int) -> bool:
    """Return whether every parser takes this JSON: not nested too deep, no number that loses digits."""
    if value.__class__ is dict:
        return levels > 0 and all(_plain(inside, levels - 1) for inside in value.values())
    if value.__class__ in (list, tuple):
        return levels > 0 and all(_plain(inside, levels - 1) for inside in value)
    return not isinstance(value, int) or abs(value) < 2**53


def _is_id(value: str, prefix: str) -> bool:
    digits = value.removeprefix(prefix)
    return len(digits) == _ID_LENGTH == len(value) - len(prefix) and _CROCKFORD.issuperset(digits)


def thread_id(value: str) -> str:
    """Return a thread id as it was shown. Raises Invalid."""
    if not _is_id(value, "thr_"):
        raise Invalid(f"{value!r} is not a thread id", hint="ids look like thr_01HXE…, see `thrum message get`")
    return value


def message_id(value: str) -> str:
    """Return a message id as it was shown. Raises Invalid."""
    if not _is_id(value, "msg_"):
        raise Invalid(f"{value!r} is not a message id", hint="ids look like msg_01HXE…, see `thrum inbox`")
    return value
