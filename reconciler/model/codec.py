"""Frozen values to JSON and back, by their annotations: for what executors keep beside an attempt.

Knows dataclasses, enums, aware datetimes, tuples, frozensets, mappings with text keys, unions with None
and plain JSON values. A field that is MISSING is left out. Types that have a better JSON form than their
fields (a workflow is its document) are given as `special`. A value of another shape raises ValueError.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from reconciler.model.workflow import MISSING, Missing

T = TypeVar("T")

Special = Mapping[type, Callable[[Any], Any]]
_AS_IT_IS = frozenset({str, int, float, bool, types.NoneType})


def encode(value: Any, special: Special = types.MappingProxyType({})) -> Any:
    """The JSON form of `value`."""
    kind: Any = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind in special:
        return special[kind](value)
    if kind is dict or isinstance(value, Mapping):
        return {str(key): encode(item, special) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(encode(item, special) for item in value)
    if isinstance(value, tuple | list):
        return [encode(item, special) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return to_rfc3339(value)
    return _encode_fields(value, _field_names(kind), special)


def decode(wanted: type[T], data: Any, special: Special = types.MappingProxyType({})) -> T:
    """The value of type `wanted` that `encode` made `data` from."""
    return typing.cast(T, _decode(wanted, data, special))


def _encode_fields(value: Any, names: Iterable[str], special: Special) -> dict[str, Any]:
    found = {}
    for name in names:  # some twenty of them for each step that starts
        item = getattr(value, name)
        if type(item) in _AS_IT_IS:
            found[name] = item
        elif item is not MISSING:
            found[name] = encode(item, special)
    return found


def to_rfc3339(moment: datetime) -> str:
    """In UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _decode(wanted: Any, data: Any, special: Special) -> Any:
    if wanted is Any:
        return data
    if wanted in special:
        return special[wanted](data)
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(wanted), data, special)
    if origin is not None:
        return _decode_container(origin, typing.get_args(wanted), data, special)
    if is_dataclass(wanted):
        return _decode_dataclass(wanted, data, special)
    return _decode_scalar(wanted, data)


def _decode_union(choices: tuple[Any, ...], data: Any, special: Special) -> Any:
    if data is None and type(None) in choices:
        return None
    rest = [choice for choice in choices if choice not in (type(None), Missing)]
    if len(rest) != 1:
        raise ValueError(f"a union of {len(rest)} types has no JSON form")
    return _decode(rest[0], data, special)


def _decode_container(origin: Any, arguments: tuple[Any, ...], data: Any, special: Special) -> Any:
    if issubclass(origin, Mapping):
        _expect(data, dict)
        return {key: _decode(arguments[1], item, special) for key, item in data.items()}
    if origin not in (tuple, frozenset):
        raise ValueError(f"{origin} has no JSON form")
    _expect(data, list)
    return origin(_decode(arguments[0], item, special) for item in data)


def _decode_dataclass(wanted: Any, data: Any, special: Special) -> Any:
    _expect(data, dict)
    hints = _hints(wanted)
    absent = [name for name, needed in _field_names(wanted).items() if needed and name not in data]
    if absent:
        raise ValueError(f"{wanted.__name__} without {absent[0]}")
    return wanted(**{k: _decode(hints[k], item, special) for k, item in data.items() if k in hints})


def _decode_scalar(wanted: Any, data: Any) -> Any:
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return wanted(data)
    if wanted is datetime:
        _expect(data, str)
        return datetime.fromisoformat(data)
    if wanted is float and type(data) is int:
        return float(data)
    _expect(data, wanted)
    return data


def _expect(data: Any, wanted: type) -> None:
    if type(data) is not wanted:
        raise ValueError(f"{type(data).__name__} where {wanted.__name__} was expected")


@lru_cache(maxsize=64)
def _hints(wanted: type) -> Mapping[str, Any]:
    return typing.get_type_hints(wanted)


@lru_cache(maxsize=64)
def _field_names(kind: Any) -> Mapping[str, bool]:
    """Each field of the dataclass, and whether it must be given."""
    return {field.name: _is_required(field) for field in fields(kind)}


def _is_required(field: Field[Any]) -> bool:
    return field.default is NO_DEFAULT and field.default_factory is NO_DEFAULT
