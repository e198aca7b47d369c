"""Values that no argument, no variable and no cluster object could hold pass from step to step as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.place import Place

SIZE = 16 * 2**20

LARGE = f"""\
apiVersion: reconciler/v1
kind: Workflow
metadata: {{name: large}}
spec:
  steps:
    make:
      command: [sh, -c, "head -c {SIZE - 1} /dev/zero | tr '\\\\0' x > out.txt; printf y >> out.txt"]
      outputs: {{parameters: {{value: {{path: out.txt}}}}}}
    again:
      inputs: {{parameters: {{given: {{from: make/value, path: in.txt}}}}}}
      command: [sh, -c, 'test -z "${{INPUT_GIVEN+set}}" && cp in.txt out.txt']
      outputs: {{parameters: {{value: {{path: out.txt}}}}}}
    count:
      inputs: {{parameters: {{given: {{value: '${{{{ steps.again.outputs.value }}}}', path: in.txt}}}}}}
      command: [sh, -c, 'wc -c < in.txt > n.txt; tail -c 1 in.txt > last.txt']
      outputs: {{parameters: {{n: {{path: n.txt, type: integer}}, last: {{path: last.txt}}}}}}
  outputs:
    parameters: {{n: '${{{{ steps.count.outputs.n }}}}', last: '${{{{ steps.count.outputs.last }}}}'}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_value_of_16_mib_passes_through_every_step_and_not_into_the_ledger(place: Place) -> None:
    place.push(large=LARGE)
    place.run("pass")
    text = place.ledger_file("large/run.json")
    record = json.loads(text)
    assert (record["phase"], record["outputs"]["parameters"]) == ("Succeeded", {"n": SIZE, "last": "y"})
    assert len(text) < 20_000
    assert record["steps"]["make"]["attempts"][0]["outputs"]["parameters"]["value"].endswith("xx ... (cut)")
    place.run("rebuild")
    assert "large #1" in place.run("runs")


def test_a_value_larger_than_the_limit_fails_the_step_that_made_it(place: Place) -> None:
    place.push(large=LARGE)
    place.run("pass", RECONCILER_LIMITS_PARAMETER_BYTES="1MiB")
    record = json.loads(place.ledger_file("large/run.json"))
    (attempt,) = record["steps"]["make"]["attempts"]
    assert (record["phase"], attempt["reason"]) == ("Failed", "OutputRefused")
    assert "larger than 1048576 bytes; make it an artifact" in attempt["message"]
