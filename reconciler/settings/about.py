"""What a settings group is made of.

Every pass reads the settings, also the many that then find nothing to do and last some 50 ms. Importing
`dataclasses` and making ten of them takes 20 ms of that, `pathlib` 9 ms, `typing` 3 ms; so this package
imports none of them, paths are (absolute) text, and `Group` does the little it needs itself. For the type
checker a group is a frozen dataclass.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; `from typing import` would cost 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

    T = TypeVar("T")
    Text = str | tuple[str, ...]
else:

    def dataclass_transform(**_):
        return lambda cls: cls


class Kind:
    """A kind of value: its name in the documentation, and its reader.

    `read` gets the text and the directory that relative paths start from.
    """

    __slots__ = ("name", "read", "secret")

    def __init__(self, name: str, read: Callable[[Text, str], Any], *, secret: bool = False) -> None:
        self.name = name
        self.read = read
        self.secret = secret


class About:
    """A setting's default, how its text is read, and what the documentation says of it.

    `otherwise` is what the documentation shows for a default that follows from other settings.
    """

    __slots__ = ("default", "example", "kind", "otherwise", "text")

    def __init__(self, kind: Kind, text: str, default: object, example: str, otherwise: str) -> None:
        self.kind = kind
        self.text = text
        self.default = default
        self.example = example
        self.otherwise = otherwise


def setting(kind: Kind, text: str, *, default: T, example: str = "", otherwise: str = "") -> T:
    """A field of a group."""
    return About(kind, text, default, example, otherwise)  # type: ignore[return-value]  # `Group` unwraps it


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(setting,))
class Group:
    """A frozen record; `abouts` describes its fields by name."""

    if TYPE_CHECKING:
        abouts: ClassVar[dict[str, About]]

    def __init_subclass__(cls) -> None:
        cls.abouts = {name: value for name, value in vars(cls).items() if isinstance(value, About)}
        for name, about in cls.abouts.items():
            setattr(cls, name, about.default)

    def __init__(self, **values: object) -> None:
        for name in values:
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}")
        self.__dict__.update(values)

    def with_(self, **changes: object) -> Self:
        """This group with other values for some fields."""
        return type(self)(**{**self.__dict__, **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are frozen; use with_({name}=...)")

    def __eq__(self, other: object) -> bool:
        names = type(self).__annotations__
        return type(self) is type(other) and all(getattr(self, n) == getattr(other, n) for n in names)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__annotations__)
        return f"{type(self).__name__}({shown})"
