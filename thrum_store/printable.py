"""Printable text: control, bidirectional and invisible characters made visible.

Messages, names, branch names and error texts come from strangers. A terminal obeys control characters, and
bidirectional and invisible ones deceive a person or a model.
"""

from __future__ import annotations

_KEPT = "\n\t"
_JOINER = "\u200d"


def _visible(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"<U+{code:04X}>"


def _table() -> dict[int, str]:
    hidden = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), 0x2028, 0x2029]
    hidden += [*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)]
    hidden += [*range(0xE0000, 0xE0080), *range(0xD800, 0xE000)]
    return {code: _visible(code) for code in hidden if chr(code) not in _KEPT}


_TABLE: dict[int, str] = {}


def safe_text(text: str) -> str:
    """Return `text` with control, bidi, invisible and surrogate characters made visible; newline and tab stay.

    A zero-width joiner is left out between emoji, where it only glues them; elsewhere it is made visible too.
    """
    if text.isascii() and text.isprintable():
        return text
    if _JOINER in text:
        text = _without_joiners(text)
    if not _TABLE:
        _TABLE.update(_table())
    return text.translate(_TABLE)


def _without_joiners(text: str) -> str:
    first, *rest = text.split(_JOINER)
    for part in rest:
        first += part if _is_emoji(first[-1:]) and _is_emoji(part[:1]) else _JOINER + part
    return first


def _is_emoji(letter: str) -> bool:
    return letter == "\ufe0f" or "\u2600" <= letter <= "\u27bf" or "\U0001f000" <= letter <= "\U0001faff"


def safe_line(text: str) -> str:
    """Return `text` as `safe_text` does, on one line: newline and tab become visible too."""
    return safe_text(text).replace("\n", "\\n").replace("\t", "\\t")
