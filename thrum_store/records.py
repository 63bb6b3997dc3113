"""The two base classes of requests, results and positions, made cheap to import.

`dataclasses` costs 1.8 and `typing` 1.05 of an interpreter's start, at every call of `thrum`. These two classes give
what the program uses of them, and type checkers read them as the originals. A module that derives from them needs
`from __future__ import annotations`, so that its annotations stay texts.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take it for True; `typing` is not loaded for it
if TYPE_CHECKING:
    from typing import Any, TypeVar, dataclass_transform
    from typing import NamedTuple as NamedTuple

    R = TypeVar("R", bound="Record")
else:
    from _collections import _tuplegetter  # what collections.namedtuple reads its fields with

    def dataclass_transform(**_):
        """Do nothing: type checkers read the original."""
        return lambda decorated: decorated


def _arguments(
    name: str, fields: tuple[str, ...], defaults: dict[str, Any], given: tuple[Any, ...], named: dict[str, Any]
) -> list[Any]:
    """Return one value for each field. Raises TypeError for a missing, unknown, repeated or extra argument."""
    if len(given) > len(fields):
        raise TypeError(f"{name} takes {len(fields)} values, not {len(given)}")
    values = list(given)
    for field in fields[len(given) :]:
        if field in named:
            values.append(named.pop(field))
        elif field in defaults:
            values.append(defaults[field])
        else:
            raise TypeError(f"{name} needs {field!r}")
    if named:
        raise TypeError(f"{name} does not take {sorted(named)}")
    return values


def _declared(namespace: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Take the fields of a class body and their defaults out of its namespace."""
    annotations: dict[str, str] = namespace.get("__annotations__", {})
    fields = tuple(name for name, kind in annotations.items() if not kind.startswith("ClassVar"))
    return fields, {name: namespace.pop(name) for name in fields if name in namespace}


class _RecordType(type):
    """Makes the fields of a record its slots."""

    if not TYPE_CHECKING:

        def __new__(cls, name, bases, namespace):
            fields, defaults = _declared(namespace)
            namespace["__slots__"] = fields
            made = super().__new__(cls, name, bases, namespace)
            base = bases[0] if bases else None
            made._fields = made.__match_args__ = (*(base._fields if base else ()), *fields)
            made._defaults = {**(base._defaults if base else {}), **defaults}
            return made


@dataclass_transform(frozen_default=True)
class Record(metaclass=_RecordType):
    """A frozen value with named fields: the base of requests and results.

    Fields are written as in a dataclass; arguments come by position or by name. Two records are equal if they are of
    one class and their fields are equal.
    """

    if not TYPE_CHECKING:

        def __init__(self, *given, **named):
            values = _arguments(type(self).__name__, self._fields, self._defaults, given, named)
            for field, value in zip(self._fields, values, strict=True):
                object.__setattr__(self, field, value)

        def __setattr__(self, name, value):
            raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

        def __delattr__(self, name):
            raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be removed")

        def __eq__(self, other):
            if type(other) is not type(self):
                return NotImplemented
            return all(getattr(self, field) == getattr(other, field) for field in self._fields)

        def __hash__(self):
            return hash(tuple(getattr(self, field) for field in self._fields))

        def __repr__(self):
            shown = ", ".join(f"{field}={getattr(self, field)!r}" for field in self._fields)
            return f"{type(self).__name__}({shown})"

        def __reduce__(self):
            return type(self), tuple(getattr(self, field) for field in self._fields)


def replaced(record: R, **changes: Any) -> R:
    """Return a copy of a record with these fields changed. Raises TypeError for a field that it does not have."""
    return type(record)(**{field: getattr(record, field) for field in fields_of(record) or ()} | changes)


def fields_of(value: object) -> tuple[str, ...] | None:
    """Return the names of the fields of a record, named tuple or dataclass, or of such a class; else None."""
    kept = getattr(value, "__dataclass_fields__", None)
    return tuple(kept) if kept is not None else getattr(value, "_fields", None)


if not TYPE_CHECKING:

    class _NamedTupleType(type):
        """Makes the fields of a named tuple readable by name."""

        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, (tuple,), namespace)
            fields, defaults = _declared(namespace)
            namespace["__slots__"] = ()
            made = super().__new__(cls, name, bases, namespace)
            for place, field in enumerate(fields):
                setattr(made, field, _tuplegetter(place, ""))
            made._fields = made.__match_args__ = fields
            made._field_defaults = defaults
            made._length = len(fields)
            return made

    class NamedTuple(metaclass=_NamedTupleType):
        """A tuple with named fields, as `typing.NamedTuple` makes it."""

        __slots__ = ()

        def __new__(cls, *given, **named):
            if named or len(given) != cls._length:
                given = _arguments(cls.__name__, cls._fields, cls._field_defaults, given, named)
            return tuple.__new__(cls, given)

        def _replace(self, **changes):
            return type(self)(**{**self._asdict(), **changes})

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            shown = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({shown})"
