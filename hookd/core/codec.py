"""Turns the frozen dataclasses of core/ into JSON values and back, one rule for all of them.

Reader rule: unknown keys are ignored, missing keys take the field's default. A field name that ends
in `_` stands without it in JSON (`try_` is `try`).
"""

from __future__ import annotations

import dataclasses
import json
import math
from enum import Enum
from functools import lru_cache
from typing import Any, Callable, Dict, Hashable, Tuple, Type, TypeVar, Union, cast, get_type_hints

from hookd.core.model import Json

T = TypeVar("T")
Decoder = Callable[[Json, str], Any]


class CodecError(ValueError):
    """A JSON value of the wrong shape. `where` is its path: `.packages[0].installed`."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where or '.'}: {message}")
        self.where = where


def encode(value: Any) -> Json:
    """Return `value`, made of dataclasses, enums, tuples, dicts and scalars, as a JSON value."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return {key: encode(item) for key, item in items(value).items()}


def to_json(value: Any) -> str:
    """Return what `encode` does as JSON text: ASCII, no spaces.

    The encoder of the standard library knows everything but dataclasses, and is written in C.
    """
    return _JSON.encode(value)


def items(record: Any) -> Dict[str, Any]:
    """Return the values of a dataclass by their keys in JSON, not yet encoded."""
    kind = cast(Hashable, type(record))
    return {key: getattr(record, name) for name, key in _keys(kind)}


_JSON = json.JSONEncoder(separators=(",", ":"), default=items)


def decode(kind: Type[T], value: Json, where: str = "") -> T:
    """Return the `kind` that `value` describes. Raise CodecError naming the place."""
    return cast(T, _decoder(cast(Hashable, kind))(value, where))


@lru_cache(maxsize=None)
def _keys(kind: Any) -> Tuple[Tuple[str, str], ...]:
    return tuple((f.name, f.name.rstrip("_")) for f in dataclasses.fields(kind))


@lru_cache(maxsize=None)
def _decoder(kind: Any) -> Decoder:
    if kind is Any:
        return lambda value, where: value
    if dataclasses.is_dataclass(kind):
        return _record(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind)
    if kind in _SCALARS:
        return _SCALARS[kind]
    return _generic(kind)


def _generic(kind: Any) -> Decoder:
    origin, arguments = kind.__origin__, kind.__args__
    if origin is Union:
        return _optional(next(a for a in arguments if a is not type(None)))
    if origin in (dict, Dict):
        return _mapping(arguments[1])
    if origin in (tuple, Tuple):
        if arguments[-1] is Ellipsis:
            return _sequence(arguments[0])
        return _fixed(arguments)
    raise TypeError(f"no codec for {kind!r}")


def _scalar(kind: type) -> Decoder:
    def read(value: Json, where: str) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise CodecError(where, f"must be {kind.__name__}, not {type(value).__name__}")
        return value

    return read


def _finite(value: Json, where: str) -> float:
    """NaN and Infinity are no JSON (RFC 8259), and no arithmetic survives them."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CodecError(where, f"must be float, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CodecError(where, "must be finite")
    return number


_SCALARS: Dict[Any, Decoder] = {
    str: _scalar(str),
    int: _scalar(int),
    float: _finite,
    bool: _scalar(bool),
}


def _member(kind: Type[Enum]) -> Decoder:
    def read(value: Json, where: str) -> Enum:
        try:
            return kind(value)
        except ValueError:
            names = ", ".join(str(m.value) for m in kind)
            raise CodecError(where, f"must be one of {names}, not {value!r}") from None

    return read


def _optional(kind: Any) -> Decoder:
    inner = _decoder(kind)
    return lambda value, where: None if value is None else inner(value, where)


def _sequence(kind: Any) -> Decoder:
    inner = _decoder(kind)

    def read(value: Json, where: str) -> Tuple[Any, ...]:
        if not isinstance(value, list):
            raise CodecError(where, f"must be a list, not {type(value).__name__}")
        return tuple(inner(item, f"{where}[{i}]") for i, item in enumerate(value))

    return read


def _fixed(kinds: Tuple[Any, ...]) -> Decoder:
    inner = tuple(_decoder(kind) for kind in kinds)

    def read(value: Json, where: str) -> Tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(inner):
            raise CodecError(where, f"must be a list of {len(inner)}")
        return tuple(one(item, f"{where}[{i}]") for i, (one, item) in enumerate(zip(inner, value)))

    return read


def _mapping(kind: Any) -> Decoder:
    inner = _decoder(kind)

    def read(value: Json, where: str) -> Dict[str, Any]:
        if not isinstance(value, dict):
            raise CodecError(where, f"must be an object, not {type(value).__name__}")
        return {key: inner(item, f"{where}.{key}") for key, item in value.items()}

    return read


def _record(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    fields = [
        (f.name, f.name.rstrip("_"), _decoder(hints[f.name]), _is_required(f))
        for f in dataclasses.fields(kind)
    ]

    def read(value: Json, where: str) -> Any:
        if not isinstance(value, dict):
            raise CodecError(where, f"must be an object, not {type(value).__name__}")
        arguments = {}
        for name, key, inner, required in fields:
            if key in value:
                arguments[name] = inner(value[key], f"{where}.{key}")
            elif required:
                raise CodecError(where, f"{key} is required")
        return kind(**arguments)

    return read


def _is_required(field: Any) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
