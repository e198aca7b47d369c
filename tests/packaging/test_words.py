"""One word for each concept: those that other programs use for the same things name nothing here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

OTHERS = re.compile(
    r"(?:^|_)(?:pipelines?|dags?|tasks?|jobs?|stag(?:e|es|ed|ing)|executions?|drivers?|backends?)(?:_|$)"
)
MODULES = sorted(Path("reconciler").rglob("*.py"))


def names(module: Path) -> set[str]:
    """What a module defines, in words: `NotStaged` is `not_staged`."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                found.add(name)
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in found}


@pytest.mark.parametrize("module", [pytest.param(path, id=str(path)) for path in MODULES])
def test_no_name_is_a_word_that_stands_for_another(module: Path) -> None:
    assert {name for name in names(module) if OTHERS.search(name)} == set()
