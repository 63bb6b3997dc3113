"""A line of the log: read back as it was written, whichever parser reads it, and refused alike."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thrum_store.log.events import (
    DEPTH,
    EVENT_TYPES,
    GENESIS,
    Draft,
    InvalidLine,
    Place,
    authentic,
    decode,
    encode,
    fast_parser,
)
from thrum_store.log.segments import EventLog, Shard, ShardPosition
from thrum_store.machine.host import Storage
from thrum_store.view.projection import malformed, rules_of

FEWER = settings().max_examples // 4  # large values take long to make
PLACE = Place("s" * 26, "ann", 7, GENESIS)


def read(line: bytes) -> tuple[str, object]:
    """Return the event or refusal that both parsers make of a line; it must be the same."""
    results: list[tuple[str, object]] = []
    for parser in ((), (fast_parser(),)):
        try:
            results.append(("event", decode(line, *parser)))
        except InvalidLine:
            results.append(("broken", None))
    assert repr(results[0]) == repr(results[1])
    return results[0]


def sealed(body: bytes) -> bytes:
    """Any JSON object as a line with its right hash."""
    own = hashlib.sha256(body).hexdigest()[:32].encode()
    at = body.rindex(b',"i":"')
    return body[:at] + b',"h":"' + own + b'"' + body[at:]


def line(data: str = "{}", **other: str) -> bytes:
    """Return a line with its hash, its fields given as JSON text."""
    fields = {
        "a": '"ann"', "d": data, "i": '"evt_"', "n": "7", "p": json.dumps(GENESIS), "s": '"s"', "t": "1", "v": "1",
        "y": '"x"',
    } | other  # fmt: skip
    return sealed(
        b"{" + b",".join(f'"{key}":{text}'.encode("utf-8", "surrogatepass") for key, text in fields.items()) + b"}"
    )


@settings(max_examples=FEWER)
@given(
    st.sampled_from(sorted(EVENT_TYPES)),
    st.dictionaries(st.text(max_size=5), st.text(max_size=20)),
    st.integers(0, 2**47),
)
def test_a_line_is_read_as_it_was_written(kind: str, data: dict[str, str], ms: int) -> None:
    written, event = encode(Draft(kind, data), PLACE, ms)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert read(written[:-1]) == ("event", event)
    assert authentic(event)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=FEWER)
@given(anything)
@example(2**64)
@example(10**400)
@example(float("nan"))
@example("\ud800")
def test_both_parsers_take_and_refuse_the_same_data(value: Any) -> None:
    read(line(json.dumps({"x": value})))
    try:
        read(line(json.dumps({"x": value}, ensure_ascii=False)))
    except UnicodeEncodeError:
        pytest.fail("a line is bytes")


@given(st.binary(max_size=60))
def test_both_parsers_take_and_refuse_the_same_bytes(garbage: bytes) -> None:
    read(
        sealed(
            b'{"a":"ann","d":{"x":'
            + garbage.replace(b"\n", b"")
            + b'},"i":"","n":1,"p":"","s":"s","t":1,"v":1,"y":"x"}'
        )
    )


@pytest.mark.parametrize("levels", [1, DEPTH - 2, DEPTH - 1, 500, 5000, 200_000])
def test_a_line_may_be_nested_so_deep_and_no_deeper(levels: int) -> None:
    kind, _ = read(line('{"x":' + "[" * levels + "]" * levels + "}"))
    assert kind == ("event" if levels <= DEPTH - 2 else "broken")  # the line is a level itself, and its data


@pytest.mark.parametrize(
    "strange",
    [
        {"n": '"7"'}, {"n": "7.0"}, {"n": "true"}, {"t": "1e3"}, {"t": str(2**60)}, {"t": "null"}, {"s": "1"},
        {"a": "[]"}, {"y": "{}"}, {"i": '"x","i":7'}, {"d": "[]"}, {"d": "null"}, {"p": "0"}, {"v": "2"}, {"v": '"1"'},
    ],
    ids=str,
)  # fmt: skip
def test_a_strange_envelope_is_refused(strange: dict[str, str]) -> None:
    assert read(line(**strange)) == ("broken", None)


def test_a_line_without_its_hash_is_refused() -> None:
    written, _ = encode(Draft("session.start", {}), PLACE, 1)
    for cut in range(len(written) - 1):
        assert read(written[:cut])[0] == "broken"
    for at in range(len(written) - 1):
        assert read(written[:at] + bytes([written[at] ^ 1]) + written[at + 1 : -1])[0] == "broken"


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_an_event_that_lacks_or_garbles_a_field_makes_no_sense(event_type: str) -> None:
    samples: dict[str, Any] = {"text": "x", "object": {}, "pairs": [["a", "b"]], "texts": ["a"], "origin": [1, 2]}
    schema = rules_of(event_type).schema
    whole = {field.removesuffix("?"): samples[shape] for field, shape in schema.items()}
    sensible = encode(Draft(event_type, whole), PLACE, 1)[1]
    assert malformed(sensible.type, sensible.data) == ""
    for field in schema:
        name = field.removesuffix("?")
        for garbled in (None, 7, [7], [["a"]], [["a", 7]], [["a", "b", "c"]]):
            assert malformed(sensible.type, whole | {name: garbled})
        without = {key: value for key, value in whole.items() if key != name}
        assert bool(malformed(sensible.type, without)) == (name == field)


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_the_sample_of_an_event_fits_its_schema(event_type: str) -> None:
    rules = rules_of(event_type)
    assert malformed(event_type, dict(rules.sample)) == ""
    assert set(rules.sample) <= {field.removesuffix("?") for field in rules.schema}
    assert rules.__doc__


def test_an_id_belongs_to_one_place_only() -> None:
    event = encode(Draft("message.create", {}), PLACE, 5)[1]
    for other in ({"seq": 8}, {"agent": "bob"}, {"store": "t"}, {"ms": 6}, {"type": "group.create"}, {"id": "msg_"}):
        assert not authentic(event._replace(**other))


# --- segments -------------------------------------------------------------------------------------------------------


def test_a_segment_is_full_at_64_kib_and_the_next_goes_on_with_the_chain(tmp_path: Any) -> None:
    log, shard, head = EventLog(str(tmp_path), Storage()), Shard("s", "ann"), ShardPosition()
    for number in range(300):
        head = log.append(shard, head, [Draft("message.edit", {"message": "m", "content": f"{number}" * 100})], 1).head
    sizes = [path.stat().st_size for path in sorted((tmp_path / "s" / "ann").iterdir())]
    assert len(sizes) > 2
    assert all(64 * 1024 <= size < 66 * 1024 for size in sizes[:-1])
    back, count = ShardPosition(), 0
    while (reading := log.read(shard, back)).head != back:
        back, count = reading.head, count + len(reading.events)
    assert (back, count, reading.damage) == (head, 300, "")
    assert not log.grew(shard, head)


@pytest.mark.parametrize(
    "header", ['{"first":1}', '{"first":"1","length":0,"segment":1}', '{"first":1,"length":-1,"segment":1}']
)
def test_a_strange_header_stops_a_shard(tmp_path: Any, header: str) -> None:
    log, shard = EventLog(str(tmp_path), Storage()), Shard("s", "ann")
    path = tmp_path / "s" / "ann"
    path.mkdir(parents=True)
    header_line = line(header, n="0", t="0", y='"segment"', i='""')
    with open(log.segment(shard, 1), "wb") as file:
        file.write(header_line + b"\n" + header_line + b"\n")
    assert log.read(shard, ShardPosition()).damage
