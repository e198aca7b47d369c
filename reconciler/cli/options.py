"""Options that several commands share: the settings, and how to print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

import click

from reconciler.settings import Settings, read_settings, table

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = ("repository.url", "repository.branch", "state.directory")
"""The settings that `--help` lists; all others are flags too, and are listed in the documentation."""


def with_settings(function: F) -> F:
    """Give the command every setting as a flag; it receives `settings`."""

    @wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        settings = given_settings(options)
        own = {name: value for name, value in options.items() if name not in _PARAMETERS}
        return function(*arguments, settings=settings, **own)

    decorated: Any = wrapper
    for parameter, row in reversed(_ROWS.items()):
        decorated = click.option(
            row.flag, parameter, help=row.about.text, hidden=row.name not in _SHOWN, metavar="TEXT"
        )(decorated)
    config_help = "A YAML file with settings; `reconciler doctor` shows what counts."
    wrapped: F = click.option("--config", metavar="FILE", help=config_help)(decorated)
    return wrapped


def given_settings(options: Mapping[str, Any]) -> Settings:
    """The settings, with what stands in the parameters of a command line."""
    texts = {row.name: options.get(parameter) for parameter, row in _ROWS.items()}
    flags = {name: text for name, text in texts.items() if text is not None}
    return read_settings(flags, config=options.get("config"))


def with_output(*forms: str) -> Callable[[F], F]:
    """Give the command `--output`, one of `forms`; it receives `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(forms or ("text", "json")),
        default="text",
        show_default=True,
        help="For people or for programs; schemas/output.schema.json describes the JSON.",
    )


def _parameter(name: str) -> str:
    return "setting_" + name.replace(".", "_")


_ROWS = {_parameter(row.name): row for row in table().values() if row.flag}
_PARAMETERS = {*_ROWS, "config"}
