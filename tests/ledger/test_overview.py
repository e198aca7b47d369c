"""The first page: failures first, bounded, readable from records as they stand in the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ledger.moment import stamp
from reconciler.ledger.overview import Entry, entry, is_ours, read_entry, render
from reconciler.ledger.record import dumps, to_record
from reconciler.model.run import Phase
from tests.chance import examples
from tests.ledger import sample
from tests.ledger.strategies import runs

DAY = datetime(2026, 11, 23, tzinfo=UTC)


def an_entry(name, phase=Phase.SUCCEEDED, minutes=0, place=None):
    return Entry(name, place or name, 3, phase, stamp(DAY + timedelta(minutes=minutes)), 61.0)


def test_the_whole_overview():
    assert render(
        [an_entry("train", minutes=1), an_entry("churn", Phase.FAILED), an_entry("sync", place="_/0a/sync")]
    ) == (
        "<!-- Written by Reconciler. Every push of results replaces this page. -->\n"
        "# Runs\n\n"
        "3 workflows: 2 Succeeded, 1 Failed.\n\n"
        "## Failing\n\n"
        "| Workflow | Phase | Run | Finished (UTC) | Took |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| [churn](<churn/README.md>) | Failed    | #3      | 2026-11-23 00:00:00 | 1m01s  |\n\n"
        "## Latest\n\n"
        "| Workflow | Phase | Run | Finished (UTC) | Took |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| [sync](<_/0a/sync/README.md>) | Succeeded | #3      | 2026-11-23 00:00:00 | 1m01s  |\n"
        "| [train](<train/README.md>) | Succeeded | #3      | 2026-11-23 00:01:00 | 1m01s  |\n\n"
        "Each run is a commit of this branch: `git log -- <workflow>`.\n"
    )


def test_the_page_is_known_as_ours_by_its_first_line_alone():
    page = render([]).encode()
    assert is_ours(page)
    assert is_ours(page.replace(b"\n", b"\r\n"))
    for foreign in (b"", b"# Runs\n", b"# My project\n\n" + page, b"\xff"):
        assert not is_ours(foreign)


def test_no_run_yet():
    assert "0 workflows: no run yet." in render([])


def test_ten_thousand_workflows_make_a_bounded_page_that_shows_the_failures():
    entries = [an_entry(f"wf-{number}", minutes=number) for number in range(9_700)]
    entries += [
        an_entry(f"bad-{number}", Phase.FAILED, place=f"_/0{number % 7}/bad-{number}")
        for number in range(300)
    ]
    page = render(entries)
    assert len(page) < 30_000
    assert "10000 workflows: 9700 Succeeded, 300 Failed." in page
    assert page.count("| Failed    |") == 200
    assert "[wf-9699](<wf-9699/README.md>)" in page
    assert "... and 9700 more: 9600 beside this page, [_/00](<_/00>) " in page


@given(st.permutations([an_entry("a"), an_entry("b"), an_entry("c", Phase.FAILED)]))
def test_the_order_of_what_is_given_does_not_matter(entries):
    assert render(entries) == render(sorted(entries, key=lambda each: each.workflow))


@examples(80)
@given(runs())
def test_the_line_of_a_record_is_read_from_its_bytes(run):
    record = to_record(run, {})
    assert read_entry(dumps(record), "x") == entry(record, "x")


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{}", b'{\n "workflow": 3,\n "number": [,\n}', b"[" * 100_000]
)
def test_a_foreign_file_in_the_place_of_a_record_is_left_out(content):
    assert read_entry(content, "x") is None


def test_a_record_with_one_field_of_another_type_is_left_out_or_shown():
    """Whoever can push to the ledger can write any JSON there."""
    record = json.loads(dumps(next(iter(sample.runs(["train"], 1)))))
    for field in ("workflow", "number", "phase", "finishedAt", "duration"):
        for wrong in (None, "|[x](y)", [1], {"a": 1}, 10**400, "9" * 400):
            found = read_entry(json.dumps({**record, field: wrong}).encode(), "train")
            if found:
                assert "[x](y)" not in render([found]).replace("`|[x](y)`", "").replace(r"`\x7c[x](y)`", "")


def test_row_20_a_directory_of_a_foreign_name_is_quoted_in_its_link():
    assert "[train](<javascript%3A%3E/README.md>)" in render([an_entry("train", place="javascript:>")])
