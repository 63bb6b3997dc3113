"""Results as JSON: one function, by the table of each class."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docs.generate.reference import every
from thrum_store.service.message_parts import MessageHeader, Pair, Recipient
from thrum_store.values import NamedTuple, Record, as_json, fields_of, json_keys

HEADER = MessageHeader(
    "msg_1", "thr_1", None, "alice", (Pair("agent", "bob"),), (Pair("pr", "1"),), "2026-11-23T16:00:00.123Z"
)


class Shown(Record):
    """A result with a header and an object inside."""

    header: MessageHeader
    content: str
    from_: str

    JSON = "message_id=id reply_to body.content body.author=author from_ audiences=to"


class Counted(NamedTuple):
    """A result without a table, too."""

    address: str
    read_at: str | None


class Place(NamedTuple):
    """A result without a table."""

    x: int
    inner: tuple[Counted, ...]


def test_a_table_names_keys_fields_of_the_header_and_objects_inside() -> None:
    assert as_json(Shown(HEADER, "text", "here")) == {
        "message_id": "msg_1",
        "reply_to": None,
        "body": {"content": "text", "author": "alice"},
        "from": "here",
        "audiences": [{"type": "agent", "value": "bob"}],
    }


def test_without_a_table_the_keys_are_the_fields() -> None:
    assert as_json(Place(1, (Counted("bob", None),))) == {"x": 1, "inner": [{"agent_id": "bob", "read_at": None}]}


def test_a_field_may_have_two_keys() -> None:
    assert as_json(Recipient("bob", "then", "now", False)) == {
        "agent_id": "bob", "delivered_at": "then", "seen_at": "now", "read_at": "now", "answered": False,
    }  # fmt: skip


def test_what_is_json_already_stays() -> None:
    document: object = {"a": [1, 2.5, None, True, {"b_": "c"}], "d": {}}
    assert as_json(document) == document


def with_tables(base: type[Record] = Record) -> Iterator[type[Record]]:
    """Every record with a table of keys, of those that the commands load."""
    for record in base.__subclasses__():
        if "JSON" in vars(record):
            yield record
        yield from with_tables(record)


def test_every_table_names_each_field_and_no_other_and_each_key_once() -> None:
    list(every())  # loads all of them
    records = set(with_tables()) - {Shown}
    assert len(records) > 8
    for record in records:
        fields = set(fields_of(record) or ())
        if "header" in fields:
            fields = fields - {"header"} | set(fields_of(MessageHeader) or ())
        named = [field for _, _, field in json_keys(record)]
        keys = [(outer, key) for outer, key, _ in json_keys(record)]
        assert len(keys) == len(set(keys)), record
        assert set(named) <= fields, record
        assert fields - set(named) <= set(fields_of(MessageHeader) or ()), record


@pytest.mark.parametrize("value", [{"x": Pair("a", "b")}, [Pair("a", "b")], (Pair("a", "b"),)], ids=str)
def test_results_inside_of_objects_and_lists_are_found(value: object) -> None:
    inner = {"type": "a", "value": "b"}
    assert as_json(value) == ({"x": inner} if isinstance(value, dict) else [inner])
