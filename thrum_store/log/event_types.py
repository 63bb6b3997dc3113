"""The kinds of events: how their ids begin, and what the data of each must hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .events import TIMES

if TYPE_CHECKING:
    from .events import Data

_PAIRS = "list of pairs"
_TEXTS = "list of texts"
_PLACE = "sequence and milliseconds"  # of an own, earlier event that is said again because a purge removed it
# kind -> what its data must hold; `?` marks what may be missing.
SCHEMAS: dict[str, dict[str, object]] = {
    "message.create": {
        "to": _PAIRS, "recipients": _TEXTS, "content": str, "format": str, "scopes?": _PAIRS, "refs?": _PAIRS,
        "thread?": str, "reply_to?": str, "session?": str, "structured?": dict, "key?": str,
    },
    "message.edit": {"message": str, "content": str, "structured?": dict},
    "message.delete": {"message": str, "reason?": str},
    "message.read": {"messages": _TEXTS, "again?": _PLACE},
    "agent.register": {
        "kind": str, "role": str, "module": str, "display": str, "worktree": str, "host": str, "again?": _PLACE,
    },
    "agent.delete": {"by": str, "again?": _PLACE},
    "session.start": {"again?": _PLACE},
    "session.end": {"session": str, "reason": str},
    "group.create": {"group": str, "description?": str, "again?": _PLACE},
    "group.delete": {"group": str, "added": _TEXTS, "again?": _PLACE},
    "group.member.add": {"group": str, "member_type": str, "member_value": str, "again?": _PLACE},
    "group.member.remove": {"group": str, "member_type": str, "member_value": str, "added": _TEXTS, "again?": _PLACE},
}  # fmt: skip


def malformed(kind: str, data: Data) -> str:
    """Why an event of a known kind makes no sense, or an empty text."""
    required, checks = _CHECKS[kind]
    for name in required:
        if name not in data:
            return f"{kind} lacks {name!r}"
    for name, value in data.items():
        if name in checks and not checks[name](value):
            return f"{kind} has a strange {name!r}"
    return ""


_ONLY_TEXT = {str}
_TWO_TEXTS = [str, str]


def _is_texts(value: Any) -> bool:
    return value.__class__ is list and {*map(type, value)} <= _ONLY_TEXT


def _is_pairs(value: Any) -> bool:
    return value.__class__ is list and all(map(_is_pair, value))


def _is_pair(value: Any) -> bool:
    return value.__class__ is list and [*map(type, value)] == _TWO_TEXTS


def _is_text(value: Any) -> bool:
    return value.__class__ is str


def _is_object(value: Any) -> bool:
    return value.__class__ is dict


def _is_place(value: Any) -> bool:
    return value.__class__ is list and [part.__class__ for part in value] == [int, int] and abs(value[1]) <= TIMES


_FITS: dict[object, Callable[[Any], bool]] = {
    str: _is_text, dict: _is_object, _TEXTS: _is_texts, _PAIRS: _is_pairs, _PLACE: _is_place,
}  # fmt: skip
_CHECKS = {
    kind: (
        tuple(field for field in fields if not field.endswith("?")),
        {field.removesuffix("?"): _FITS[shape] for field, shape in fields.items()},
    )
    for kind, fields in SCHEMAS.items()
}
