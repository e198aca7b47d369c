"""Options that several commands share: the settings, and how to print."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from reconciler.settings import read_settings, table

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = ("repository.url", "repository.branch", "state.directory")
"""The settings that `--help` lists; all others are flags too, and are listed in the documentation."""


def with_settings(function: F) -> F:
    """Give the command every setting as a flag; it receives `settings`."""
    rows = [row for row in table().values() if row.flag]

    @wraps(function)
    def wrapper(*arguments: Any, config: str | None, **options: Any) -> Any:
        given = {row.name: options.pop(_parameter(row.name)) for row in rows}
        flags = {name: text for name, text in given.items() if text is not None}
        return function(*arguments, settings=read_settings(flags, config=config), **options)

    decorated: Any = wrapper
    for row in reversed(rows):
        shown = row.name in _SHOWN
        decorated = click.option(
            row.flag, _parameter(row.name), help=row.about.text, hidden=not shown, metavar="TEXT"
        )(decorated)
    config_help = "A YAML file with settings; `reconciler doctor` shows what counts."
    wrapped: F = click.option("--config", metavar="FILE", help=config_help)(decorated)
    return wrapped


def with_output(function: F) -> F:
    """Give the command `--output text|json`; it receives `output`."""
    choice = click.Choice(["text", "json"])
    option = click.option(
        "-o", "--output", type=choice, default="text", show_default=True, help="For people or for programs."
    )
    return option(function)


def _parameter(name: str) -> str:
    return "setting_" + name.replace(".", "_")
