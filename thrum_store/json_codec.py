"""JSON text, in and out: the one module through which everyday commands reach `json`.

`import json` costs 0.84 of an interpreter's start, most of it for `re`. CPython's accelerators in `_json` could serve
these few functions alone; then only this module changes.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

loads: Callable[[str | bytes], Any] = json.loads  # raises ValueError
compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
escaped = json.JSONEncoder().encode  # ASCII alone, for a reader that may expect another encoding
canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
canonical_ascii = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode
finite = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode  # raises ValueError for NaN and infinities


def readable(value: object, ascii_only: bool = False) -> str:
    """Return JSON indented by two spaces."""
    return json.dumps(value, ensure_ascii=ascii_only, indent=2)


def checking_decoder(
    integer: Callable[[str], Any], number: Callable[[str], Any], constant: Callable[[str], Any]
) -> Callable[[str], Any]:
    """Return a decoder that makes numbers, and NaN and infinities, with these functions."""
    return json.JSONDecoder(parse_int=integer, parse_float=number, parse_constant=constant).decode
