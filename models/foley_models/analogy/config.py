"""Networks' configurations as JSON: frozen dataclasses of numbers, texts, tuples and other such dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Config = TypeVar("Config")


def to_json(config: Any) -> Any:
    """A configuration as what JSON knows."""
    if is_dataclass(config) and not isinstance(config, type):
        return {field.name: to_json(getattr(config, field.name)) for field in fields(config)}
    return [to_json(each) for each in config] if isinstance(config, tuple) else config


def from_json(kind: type[Config], said: Any) -> Config:
    """The other way round.

    Raises:
        ValueError: a key is missing or unknown, or a value is of another kind; names the key.
    """
    return _made(kind, said, "config")


def _made(kind: Any, said: Any, place: str) -> Any:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        if not isinstance(said, Mapping):
            raise ValueError(f"{place}: is no object")
        if wrong := sorted(set(names) ^ said.keys()):
            raise ValueError(f"{place}.{wrong[0]}: is missing or unknown")
        return kind(**{name: _made(hints[name], said[name], f"{place}.{name}") for name in names})  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), said, place)
    if get_origin(kind) in (Union, UnionType):
        return None if said is None else _made(next(each for each in get_args(kind) if each is not type(None)), said, place)
    if kind is float and isinstance(said, int) and not isinstance(said, bool):
        return float(said)
    if kind is not Any and (not isinstance(said, kind) or (kind is not bool and isinstance(said, bool))):
        raise ValueError(f"{place}: {said!r} is no {kind.__name__}")
    return said


def _tuple(kinds: tuple[Any, ...], said: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(said, list):
        raise ValueError(f"{place}: is no list")
    many = kinds[:1] * len(said) if kinds[-1] is Ellipsis else kinds
    if len(many) != len(said):
        raise ValueError(f"{place}: has {len(said)} values, not {len(many)}")
    return tuple(_made(each, value, f"{place}[{number}]") for number, (each, value) in enumerate(zip(many, said, strict=True)))
