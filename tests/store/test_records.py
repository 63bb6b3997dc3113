"""Records and named tuples behave as a frozen dataclass and typing.NamedTuple do."""

from __future__ import annotations

import copy
import pickle
from typing import Any, ClassVar

import pytest

from thrum_store.values import NamedTuple, Record, fields_of, replaced


class Point(Record):
    """A record with a default and a constant of its class."""

    origin: ClassVar[str] = "corner"
    x: int
    y: int = 0


class Named(Point):
    """A record that adds a field."""

    name: str = ""


class Place(NamedTuple):
    """A named tuple with a default."""

    agent: str
    seq: int = 1


def test_a_record_takes_its_values_by_position_and_by_name() -> None:
    assert Point(1) == Point(x=1, y=0) == Point(1, 0)
    assert Point(1) != Point(2) and Point(1) != Named(1) and hash(Point(1)) == hash(Point(1, 0))
    assert (fields_of(Point(1)), fields_of(Named(1)), fields_of(3)) == (("x", "y"), ("x", "y", "name"), None)
    assert (Named(1, 2, "n").name, Named.origin, repr(Point(1))) == ("n", "corner", "Point(x=1, y=0)")


def test_a_record_is_frozen_and_changed_by_a_copy() -> None:
    point: Any = Point(1, 2)
    with pytest.raises(AttributeError):
        point.x = 3
    with pytest.raises(AttributeError):
        point.z = 3
    with pytest.raises(AttributeError):
        del point.x
    assert (replaced(point, x=3), point) == (Point(3, 2), Point(1, 2))
    with pytest.raises(TypeError, match="'z'"):
        replaced(point, z=3)


@pytest.mark.parametrize("wrong", [((), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1,), {"z": 2})])
@pytest.mark.parametrize("kind", [Point, Place])
def test_missing_extra_and_repeated_arguments_are_refused(
    kind: Any, wrong: tuple[tuple[object, ...], dict[str, object]]
) -> None:
    arguments, named = wrong
    with pytest.raises(TypeError):
        kind(*arguments, **named)


@pytest.mark.parametrize("value", [Point(1, 2), Named(1, 2, "n"), Place("alice", 4)])
def test_values_survive_pickle_and_copy(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)


def test_a_named_tuple_is_a_tuple() -> None:
    agent, seq = Place("alice")
    assert (agent, seq) == Place("alice", 1) == ("alice", 1) and fields_of(Place("a")) == ("agent", "seq")
    assert (
        Place("alice")._replace(seq=2) == Place(seq=2, agent="alice") and repr(Place("a")) == "Place(agent='a', seq=1)"
    )


def test_records_match_patterns() -> None:
    match Point(1, 2):
        case Point(x, 2):
            assert x == 1
        case _:
            pytest.fail("a pattern matches by position")
