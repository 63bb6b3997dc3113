"""Parameters of RPC methods: made from the signature and the request of a use case, checked by pydantic."""

from __future__ import annotations

import builtins
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, create_model

from thrum_store.values import Record

from . import jsonrpc
from .jsonrpc import RpcError

CALLER = "caller_agent_id"  # the agent that asks; every method takes it, most need it
REQUIRED: Any = ...  # the default of a parameter that must be given
_TAGS = {
    "scope",
    "scopes",
    "refs",
    "add_scopes",
    "remove_scopes",
    "add_refs",
    "remove_refs",
}  # fields with scopes or refs
_CONTEXT = {"context", "store"}  # arguments that the request context gives


class TagObject(BaseModel):
    """A scope or a ref as an object; as a text it is `type:value`."""

    type: str
    value: str


def _joined(tag: str | TagObject | None) -> str | None:
    """Return a scope or a ref as one text, the form that the services take."""
    return f"{tag.type}:{tag.value}" if isinstance(tag, TagObject) else tag


Tag = Annotated[str | TagObject, AfterValidator(_joined)]
_TAG_TYPES: dict[Any, Any] = {
    str: Tag,
    str | None: Annotated[str | TagObject | None, AfterValidator(_joined)],
    tuple[str, ...]: tuple[Tag, ...],
}


class Parameter(NamedTuple):
    """A parameter: its name in the RPC, the argument or field it fills, its type and default.

    `request` is the argument whose field it is; empty for an argument of the use case itself.
    """

    name: str
    field: str
    type: Any
    default: Any
    request: str = ""


class Parameters:
    """The parameters of a method.

    `names` maps fields to their names in the RPC where the two differ; `fixed` are fields that no client can set.
    """

    def __init__(self, function: Callable[..., object], names: Mapping[str, str], fixed: Mapping[str, object]) -> None:
        self._function, self._names, self._fixed = function, names, fixed

    @functools.cached_property
    def listed(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of the use case."""
        return tuple(self._listed())

    def _listed(self) -> Iterator[Parameter]:
        types = types_of(self._function)
        for argument in inspect.signature(self._function).parameters.values():
            if argument.name in self._requests:
                request = self._requests[argument.name]
                fields, defaults = types_of(request), getattr(request, "_defaults", {})
                for field, type_ in fields.items():
                    yield from self._parameter(field, type_, defaults.get(field, REQUIRED), argument.name)
            elif argument.name == "caller":
                yield Parameter(CALLER, "caller", str | None, None)
            elif argument.name not in _CONTEXT:
                default = REQUIRED if argument.default is argument.empty else argument.default
                yield from self._parameter(argument.name, types[argument.name], default)

    def _parameter(self, field: str, type_: Any, default: Any, request: str = "") -> Iterator[Parameter]:
        """Yield the parameter of a field, or nothing for a fixed one. A field that may be None is optional."""
        if field not in self._fixed:
            optional = default is REQUIRED and type(None) in get_args(type_)
            shown = _TAG_TYPES[type_] if field in _TAGS else type_
            yield Parameter(self._names.get(field, field), field, shown, None if optional else default, request)

    @property
    def takes_context(self) -> bool:
        """True if the use case takes the request context instead of the store."""
        return "context" in inspect.signature(self._function).parameters

    @property
    def takes_caller(self) -> bool:
        """True if the use case takes a caller."""
        return "caller" in inspect.signature(self._function).parameters

    @functools.cached_property
    def _requests(self) -> dict[str, type]:
        """The arguments of the use case that are requests."""
        types = types_of(self._function).items()
        return {name: type_ for name, type_ in types if name != "return" and _is_request(type_)}

    @functools.cached_property
    def _model(self) -> type[BaseModel]:
        fields: dict[str, Any] = {each.name: (each.type, each.default) for each in self.listed}
        return create_model("Parameters", __config__=ConfigDict(protected_namespaces=()), **fields)

    def arguments(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of the use case. Raises RpcError for parameters that it does not take."""
        given = {name: value for name, value in params.items() if (name, value) != (CALLER, None)}
        names = {each.name for each in self.listed}
        if CALLER not in names:
            given.pop(CALLER, None)
        unknown = sorted(set(given) - names)
        if unknown:
            raise RpcError(jsonrpc.INVALID_PARAMS, f"{method} takes no {unknown[0][:100]!r}", "invalid")
        return self._filled(_checked(self._model, given))

    def _filled(self, checked: BaseModel) -> dict[str, Any]:
        arguments: dict[str, dict[str, Any]] = {"": {}, **{name: {} for name in self._requests}}
        for each in self.listed:
            arguments[each.request][each.field] = getattr(checked, each.name)
        plain = arguments.pop("")
        for name, request in self._requests.items():
            fixed = {field: value for field, value in self._fixed.items() if field in types_of(request)}
            plain[name] = request(**arguments[name], **fixed)
        return plain | {field: value for field, value in self._fixed.items() if field in types_of(self._function)}


def _checked(model: type[BaseModel], given: dict[str, Any]) -> BaseModel:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise RpcError(jsonrpc.INVALID_PARAMS, f"{place}: {detail['msg']}", "invalid") from None


class _Names(dict[str, Any]):
    """The names of a module. A name that is imported for type checkers only counts as Any."""

    def __missing__(self, name: str) -> Any:
        return getattr(builtins, name, Any)


@functools.cache
def types_of(target: Any) -> dict[str, Any]:
    """Return the types of a function's arguments and result, or of a class's fields, by name."""
    return get_type_hints(target, localns=_Names(vars(sys.modules[target.__module__])))


def _is_request(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Record)
