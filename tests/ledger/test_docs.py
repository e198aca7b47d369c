"""docs/ledger.md is true: its commands print what stands there, and it names every trailer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.ledger.trailers import trailers
from tests.ledger import blocks, sample

DOCUMENT = Path("docs/ledger.md").read_text()


@pytest.fixture(name="ledger", scope="module")
def the_ledger_that_the_page_shows(tmp_path_factory):
    return sample.documented(tmp_path_factory.mktemp("ledger"))


@pytest.mark.parametrize(
    ("command", "output"), [pytest.param(*one, id=one[0][:60]) for one in blocks.commands(DOCUMENT)]
)
def test_a_documented_command_prints_what_is_documented(ledger, command, output):
    assert sample.shell(ledger, command) == output


def test_every_trailer_is_documented_and_every_documented_one_is_written():
    record = next(record for record in sample.runs(["train"], 40) if record["phase"] == "Failed")
    parameters = {f"value{number}": 1 for number in range(21)}
    artifacts = (
        record["steps"]["prepare"]["attempts"][0].setdefault("outputs", {}).setdefault("artifacts", {})
    )
    artifacts.update({f"file{number}": {"size": 1, "sha256": "0" * 64, "path": "x"} for number in range(21)})
    written = {key for key, _ in trailers({**record, "outputs": {"parameters": parameters}})}
    del record["startedAt"]
    written |= {key for key, _ in trailers(record)}
    table = DOCUMENT.partition("| Trailer |")[2].partition("\n\n")[0]
    documented = {
        name
        for row in table.split("\n")[2:]
        for name in re.findall(r"`([A-Z][A-Za-z-]+)`", row.split("|")[1])
    }
    assert documented == written


def test_the_sample_ledger_is_a_sound_repository(ledger):
    sample.git(ledger, "fsck", "--strict")


def test_the_sample_ledger_is_the_same_every_time(ledger, tmp_path):
    again = sample.documented(tmp_path)
    assert sample.git(again, "rev-parse", "runs") == sample.git(ledger, "rev-parse", "runs")
