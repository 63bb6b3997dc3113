"""Plans the new bytes of a client's file. They are read back, with a second parser, before anybody may write them.

A plan is right if the file can be read, if all pieces are in it (or none), and if all else in it is as it was. A text
that cannot be changed so is refused with the reason.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Callable

from thrum_store.errors import Conflict, ThrumError

from .jsontext import NotJson, WrongKind
from .section import Piece
from .starts import Start, renewed
from .tables import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

REFUSALS = (ThrumError, NotJson, WrongKind, tomllib.TOMLDecodeError, RecursionError)

_LARGEST = 4 << 20  # bytes
_FOREIGN = {  # the longer marks first
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip


def with_pieces(data: bytes | None, pieces: tuple[Piece, ...], mine: Callable[[Piece], bool]) -> bytes:
    """Return a file's bytes with all pieces in it. Raises one of REFUSALS for a file that must stay as it is.

    `mine` tells of a piece whether a value in its place is thrum's own and may be replaced.
    """
    mark, text = decoded(data)
    for piece in pieces:
        piece.check(text)
        text = _confirmed(piece, text, piece.add(text, mine=mine(piece)))
    for piece in pieces:
        if piece.add(text, mine=False) != text or not _is_readable(piece, text):
            raise _harmful()
    return mark + text.encode()


def with_renewed(
    path: str, data: bytes | None, starts: Callable[[Start], bool] | None, pieces: tuple[Piece, ...]
) -> bytes | None:
    """Return a file's bytes with each command of thrum replaced that does not start. Raises one of REFUSALS."""
    if data is None or starts is None:
        return data
    mark, text = decoded(data)
    new = renewed(path, text, starts)
    for piece in pieces:
        if isinstance(piece, Table):
            _confirmed(piece, text, new)
    return mark + new.encode()


def edited(data: bytes, pieces: tuple[Piece, ...], before: bytes | None) -> bool:
    """Return whether the user changed something inside of thrum's pieces."""
    try:
        return with_pieces(data, pieces, absent_from(before)) != data
    except REFUSALS:
        return True


def absent_from(before: bytes | None) -> Callable[[Piece], bool]:
    """Return a test of whether a file held no such piece before thrum changed it."""
    text = decoded(before)[1]
    return lambda piece: piece.remove(text) == text


def without_pieces(data: bytes | None, pieces: tuple[Piece, ...], before: bytes | None) -> bytes | None:
    """Return a file's bytes without thrum's pieces, or None for a file that only thrum made. Raises as `with_pieces`.

    `before` is what the file was without them; a piece that the user's own file had then stays.
    """
    if data is None:
        return None
    mark, text = decoded(data)
    original = decoded(before)[1]
    absent = absent_from(before)
    for piece in reversed(pieces):
        if absent(piece):
            piece.check(text)
            text = _confirmed(piece, text, piece.remove(text, original))
    return None if before is None and text.strip() in ("", "{}") else mark + text.encode()


def reason(error: Exception) -> str:
    """Return why a file was left alone, as a sentence without an end."""
    if isinstance(error, ThrumError):
        return error.message + (f"; {error.hint}" if error.hint else "")
    if isinstance(error, RecursionError):
        return "it is nested too deeply; it was left alone"
    formats = {NotJson: "JSON", tomllib.TOMLDecodeError: "TOML"}
    names = [name for kind, name in formats.items() if isinstance(error, kind)]
    return f"it is not valid and was left alone: not {names[0]} ({error})" if names else f"{error}; it was left alone"


def _is_readable(piece: Piece, text: str) -> bool:
    """Return whether a second parser reads the text as the first one does."""
    try:
        piece.rest(text)
    except ValueError:
        return False
    return True


def _confirmed(piece: Piece, old: str, new: str) -> str:
    """Return the new text if it holds all that the old one did besides the piece."""
    if new == old:
        return old
    try:
        alike = piece.rest(new) == piece.rest(old)
    except ValueError:
        alike = False
    if not alike:
        raise _harmful()
    return new


def decoded(data: bytes | None) -> tuple[bytes, str]:
    """Return the byte order mark of a file and the text behind it. Raises Conflict for a file that is no UTF-8."""
    content = data or b""
    if len(content) > _LARGEST:
        raise Conflict(f"it is larger than {_LARGEST >> 20} MiB", hint="it was left alone")
    for mark, encoding in _FOREIGN.items():
        if content.startswith(mark):
            raise Conflict(f"it is not UTF-8 but {encoding}", hint="save it as UTF-8 and run the command again")
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        text = content[len(mark) :].decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Conflict(f"it is not UTF-8 (line {line})", hint="save it as UTF-8 and run the command again") from None
    if "\0" in text:
        raise Conflict("it holds NUL bytes, so it is no text in UTF-8", hint="it was left alone")
    return mark, text


def _harmful() -> Conflict:
    return Conflict(
        "thrum cannot change it without a change to something else in it",
        hint="it was left alone; add thrum's lines, or take them out, by hand",
    )
