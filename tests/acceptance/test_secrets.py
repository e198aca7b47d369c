"""What belongs to the operator stays with the operator."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.place import Place

PRY = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: pry}
spec:
  steps:
    look:
      script: |
        cat FILES > found.txt 2> /dev/null || true
      outputs: {artifacts: {found: {path: found.txt}}}
"""


@pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")
def test_row_26_a_step_reads_neither_the_settings_file_nor_what_it_names(tmp_path: Path):
    place = Place(tmp_path, {"RECONCILER_EXECUTOR_ISOLATION": "bubblewrap"})
    token, settings = tmp_path / "token", tmp_path / "reconciler.yaml"
    token.write_text("open-sesame\n")
    settings.write_text(f"repository: {{url: {place.remote}, token_file: {token}}}\n")
    place.push(pry=PRY.replace("FILES", f"{token} {settings} {place.state}/state.db"))
    place.run("pass", "--config", str(settings))
    assert [subject.partition(" in ")[0] for subject in place.history()] == ["pry #1: Succeeded"]
    found = next(place.state.glob("artifacts/runs/pry/*/look/1/artifacts/found"))
    assert found.read_bytes() == b""
