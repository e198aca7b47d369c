"""One field of a settings group: its default, and what the documentation says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from reconciler.settings.values import Kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class About:
    """What the documentation says of a setting, and how its text is read.

    `default` and `example` are as a person would write them.
    """

    kind: Kind[Any]
    text: str
    example: str
    default: str


def setting(value: T, kind: Kind[T], text: str, *, example: str = "", default: str = "") -> T:
    """A field of a settings group; `default` is what to show where the value follows from others."""
    about: T = field(default=value, metadata={"about": About(kind, text, example, default)})
    return about


def optional(kind: Kind[T], text: str, *, example: str = "", default: str = "") -> T | None:
    """A field that may stay empty."""
    about: T | None = field(default=None, metadata={"about": About(kind, text, example, default)})
    return about
