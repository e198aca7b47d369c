"""Names that authors choose: a slip in any place that refers to one is found at its line."""

from __future__ import annotations

import re

import pytest

from reconciler.definition import check_text
from tests.definition.test_typos import found_at
from tests.definition.typos import typos

TEXT = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: names}
spec:
  parameters:
    epochs: {type: integer, default: 5}
  steps:
    prepare:
      command: [python, prepare.py]
      outputs:
        parameters: {rows: {path: rows.txt, type: integer}}
        artifacts: {customers: {path: customers.csv}}
    train:
      needs: [<prepare>]
      command: [python, train.py, "${{ parameters.<epochs> }}", "${{ inputs.<limit> }}"]
      when: steps.<prepare>.outputs.<rows> > 10
      env:
        TEXT: >-
          between
          ${{ steps['<prepare>'].phase }}
      inputs:
        parameters:
          rows: {from: <prepare>/<rows>}
          limit: "${{ parameters.<epochs> * 2 }}"
        artifacts:
          data: {from: <prepare>/<customers>, path: data.csv}
      outputs: {artifacts: {model: {path: model.json}}}
  outputs:
    parameters: {rows: "${{ steps.<prepare>.outputs.<rows> }}"}
    artifacts: {model: <train>/<model>}
"""
REFERENCES = [(match[1], match.start()) for match in re.finditer(r"<([a-z]+)>", TEXT)]


def test_the_example_is_sound() -> None:
    assert check_text(re.sub(r"<([a-z]+)>", r"\1", TEXT).encode()).problems == ()


@pytest.mark.parametrize(("name", "at"), REFERENCES)
def test_every_slip_in_a_reference_is_found_at_its_line(name: str, at: int) -> None:
    line = TEXT.count("\n", 0, at) + 1
    missed = [typo for typo in typos(name) if not found_at(with_typo(at, name, typo), line)]

    assert missed == []


@pytest.mark.parametrize("name", ["prepare", "train", "epochs", "rows", "customers", "model", "limit"])
def test_every_slip_where_a_name_is_declared_is_found_where_it_is_used(name: str) -> None:
    text = re.sub(r"<([a-z]+)>", r"\1", TEXT)
    declared = text.index(f"{name}: ") if name == "limit" else re.search(rf"\b{name}:", text).start()  # type: ignore[union-attr]
    for typo in typos(name):
        mistyped = text[:declared] + typo + text[declared + len(name) :]

        assert check_text(mistyped.encode()).documents == (), typo


def with_typo(at: int, name: str, typo: str) -> str:
    before = re.sub(r"<([a-z]+)>", r"\1", TEXT[:at])
    after = re.sub(r"<([a-z]+)>", r"\1", TEXT[at + len(name) + 2 :])
    return before + typo + after
