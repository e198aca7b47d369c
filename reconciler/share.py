"""Where the files are that travel with the program: inside the wheel, or beside the package in a checkout.

The only module that knows. `schemas/` and `repo-template/` lie at the top of the checkout, where people
look for them; the build puts them into the wheel as `reconciler/_share/`. Found by path: wheels are
always unpacked, and `importlib.resources` would cost a pass with nothing to do a third of its time.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def schema_text(name: str = "workflow.schema.json") -> str:
    """The text of the schema in the file `name`."""
    return (_root() / "schemas" / name).read_text(encoding="utf-8")


def repo_template() -> Path:
    """The folder that `reconciler init` copies."""
    return _root() / "repo-template"


@cache
def _root() -> Path:
    package = Path(__file__).resolve().parent
    packaged = package / "_share"
    return packaged if packaged.is_dir() else package.parent
