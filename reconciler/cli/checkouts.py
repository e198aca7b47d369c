"""From what a person names on the command line to a checkout and the paths in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from reconciler.git.checkout import root_of

DEFINITIONS = "workflows"
"""The folder where definitions usually are."""


def root_around(path: Path) -> Path:
    """Where paths in the definitions at `path` begin: the root of the checkout.

    Outside of any checkout, it is the directory that holds the folder `workflows`, else the current one
    if `path` is below it, else that of `path` itself.
    """
    place = absolute(path)
    root = root_of(place)
    if root is not None:
        return root
    holder = next((parent.parent for parent in (place, *place.parents) if parent.name == DEFINITIONS), None)
    here = Path.cwd()
    if holder is not None:
        return holder
    if place == here or here in place.parents:
        return here
    return place if place.is_dir() else place.parent


def by_root(paths: Iterable[Path]) -> dict[Path, list[str]]:
    """For each checkout, what was named in it, relative to its root ("" is all of it)."""
    grouped: dict[Path, list[str]] = {}
    for path in paths:
        root = root_around(path)
        grouped.setdefault(root, []).append(inside(root, path))
    return grouped


def inside(root: Path, path: Path) -> str:
    """`path` relative to `root`, with slashes; "" for the root itself."""
    relative = absolute(path).relative_to(root).as_posix()
    return "" if relative == "." else relative


def absolute(path: Path) -> Path:
    """Without `..`, and without following links: a link is named as what it is."""
    return Path(os.path.abspath(path))  # noqa: PTH100  (pathlib has no such function)
