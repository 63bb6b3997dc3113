"""Thousands of awkward files: thrum's pieces go in and come out, and nothing else in the files changes."""

from __future__ import annotations

import codecs
import copy
import json
import tomllib
from typing import Any

import json5
import pytest

from thrum_cli.clients import jsontext, planning, recipes
from thrum_cli.clients.configure import merged
from thrum_cli.clients.jsontext import WrongKind
from thrum_cli.clients.launcher import PLAIN
from thrum_cli.clients.pieces import Item, JsonPiece
from thrum_cli.clients.presets import PRESETS
from thrum_cli.clients.section import Piece, line_end

from .awkward import Awkward, awkward_json, awkward_markdown, awkward_toml

DAILY = {"json": 500, "toml": 700, "markdown": 800}
BATCHES = 20  # of as many texts, every night
RECIPES = merged([recipes.recipe(name, "/nowhere", PLAIN) for name in PRESETS])
JSON_PATHS = [path for path in sorted(RECIPES) if path.endswith(".json")]


def marked(seed: int) -> bytes:
    """Return the byte order mark of a file: one in four has it."""
    return codecs.BOM_UTF8 if seed % 4 == 0 else b""


def put_in(data: bytes | None, pieces: tuple[Piece, ...]) -> bytes:
    """Return a file with the pieces, in which nothing is thrum's own yet."""
    return planning.with_pieces(data, pieces, lambda piece: False)


def in_and_out(data: bytes, pieces: tuple[Piece, ...]) -> bytes:
    """Return a file with the pieces. Adding them again changes nothing, and without them it has the old bytes."""
    after = put_in(data, pieces)
    assert planning.with_pieces(after, pieces, planning.absent_from(data)) == after
    assert planning.without_pieces(after, pieces, data) == data
    return after


def with_ours(value: Any, pieces: tuple[Piece, ...]) -> Any:
    """Return what a JSON file must hold when all pieces are in it; None if one of them has no place."""
    value = copy.deepcopy(value)
    for piece in pieces:
        assert isinstance(piece, JsonPiece)
        if not has_place(value, piece.path, piece):
            return None
    return value


def has_place(value: Any, path: tuple[str, ...], piece: JsonPiece) -> bool:
    """Put a piece into a plain value; return whether each value on its path is of the right kind."""
    if value.__class__ is not dict:
        return False
    name, *rest = path
    if rest:
        return has_place(value.setdefault(name, {}), tuple(rest), piece)
    listed = isinstance(piece, Item)
    place = value.setdefault(name, [] if listed else piece.value)
    if listed and place.__class__ is list:
        place.append(piece.value)
    return not listed or place.__class__ is list


def plain(value: Any) -> Any:
    """Return a value in which numbers compare as clients read them."""
    return json.loads(json.dumps(value), parse_int=float)


def check_json(seed: int) -> None:
    file = awkward_json(seed)
    pieces = RECIPES[JSON_PATHS[seed % len(JSON_PATHS)]]
    data = marked(seed) + file.text.encode()
    expected = with_ours(file.value, pieces)
    if expected is None:
        with pytest.raises(WrongKind):
            put_in(data, pieces)
        return
    after = in_and_out(data, pieces)
    assert plain(json5.loads(after.decode("utf-8-sig"))) == plain(expected)
    check_edited_json(file, after, pieces, data)


def check_edited_json(file: Awkward, after: bytes, pieces: tuple[Piece, ...], data: bytes) -> None:
    """Check that only thrum's pieces go from a file to which its user added something."""
    text = after.decode()
    start = jsontext.parse(text.removeprefix("\ufeff")).start + 1 + text.startswith("\ufeff")
    edited = f'{text[:start]} /* mine }} */ "added": [1, /* two */ 2],{text[start:]}'
    back = planning.without_pieces(edited.encode(), pieces, data) or b""
    values = json5.loads(back.decode("utf-8-sig"))
    assert values.pop("added") == [1, 2]
    if "version" not in file.value:
        values.pop("version", None)  # of Cursor's hooks, which need it
    assert plain(values) == plain(file.value)
    assert b"/* mine } */" in back
    assert b"/* two */" in back


def check_toml(seed: int) -> None:
    file = awkward_toml(seed)
    pieces = RECIPES[".codex/config.toml"]
    assert tomllib.loads(file.text) == file.value
    data = marked(seed) + file.text.encode()
    after = put_in(data, pieces)
    assert planning.with_pieces(after, pieces, planning.absent_from(data)) == after
    values = tomllib.loads(after.decode("utf-8-sig"))
    assert values["mcp_servers"].pop("thrum")["args"] == ["mcp", "serve"]
    assert values == file.value | {"mcp_servers": file.value.get("mcp_servers", {})}
    back = planning.without_pieces(after, pieces, data)
    assert tomllib.loads((back or b"").decode("utf-8-sig")) == file.value
    assert back == data or "mcp_servers = {" in file.text
    mark = len(marked(seed))
    edited = after[:mark] + b'added = "mine" # mine\n' + after[mark:]
    back = planning.without_pieces(edited, pieces, data) or b""
    assert tomllib.loads(back.decode("utf-8-sig")) == file.value | {"added": "mine"}


def check_markdown(seed: int) -> None:
    file = awkward_markdown(seed)
    pieces = RECIPES["AGENTS.md"]
    data = marked(seed) + file.text.encode()
    after = in_and_out(data, pieces)
    assert after.startswith(data)
    eol = line_end(file.text).encode()
    back = planning.without_pieces(after + eol + b"mine" + eol, pieces, data) or b""
    assert back in (data + eol * ends + b"mine" + eol for ends in (1, 2))


CHECKS = {"json": check_json, "toml": check_toml, "markdown": check_markdown}


@pytest.mark.parametrize("kind", CHECKS)
def test_no_awkward_file_is_harmed(kind: str) -> None:
    for seed in range(DAILY[kind]):
        run(kind, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("batch", range(1, BATCHES))
@pytest.mark.parametrize("kind", CHECKS)
def test_no_awkward_file_is_harmed_at_night(kind: str, batch: int) -> None:
    for seed in range(batch * DAILY[kind], (batch + 1) * DAILY[kind]):
        run(kind, seed)


def run(kind: str, seed: int) -> None:
    """Check one file, and name its seed if it fails."""
    try:
        CHECKS[kind](seed)
    except Exception as error:
        error.add_note(f"{kind} {seed}")
        raise
