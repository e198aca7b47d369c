"""Which runs start, and that what keeps one from starting keeps no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler import composition
from reconciler.reconcile.passes import Summary
from reconciler.settings import read_settings
from tests.place import Place

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)


def workflow(name: str, *, on: str = "{change: true}", step: str = "{command: ['true']}") -> str:
    return (
        f"apiVersion: reconciler/v1\nkind: Workflow\nmetadata: {{name: {name}}}\n"
        f"spec:\n  on: {on}\n  steps:\n    only: {step}\n    apart: {{command: ['true']}}\n"
    )


def every_minute(name: str) -> str:
    return workflow(name, on="{change: false, schedule: [{cron: '* * * * *'}]}")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def pass_at(place, monkeypatch) -> Callable[..., Summary]:
    """A pass that begins so many minutes after noon, with other settings where given."""

    def run(minutes: float, **settings: str) -> Summary:
        monkeypatch.setattr(composition, "clock", lambda: NOON + timedelta(minutes=minutes))
        flags = {name.replace("__", "."): value for name, value in settings.items()}
        return composition.run_pass(
            read_settings(flags, environ=place.env), lambda event: None, lambda: False
        )

    return run


def titles(place: Place) -> list[str]:
    return [subject.partition(" in ")[0] for subject in place.history()]


def test_row_12_a_file_too_large_to_take_along_fails_only_its_step(place):
    place.write("big.bin", "x" * 3000)
    place.push(
        aaa=workflow("aaa"),
        bbb=workflow("bbb", step="{command: ['true'], files: [big.bin]}"),
        ccc=workflow("ccc"),
    )
    place.run("pass", "--limits-blob-bytes", "2KiB")
    assert sorted(titles(place)) == ["aaa #1: Succeeded", "bbb #1: Failed", "ccc #1: Succeeded"]
    record = place.ledger_file("bbb/run.json")
    assert "big.bin" in record
    assert "limits.blob_bytes" in record
    place.run("pass", "--limits-blob-bytes", "2KiB")
    assert len(titles(place)) == 3


def test_a_schedule_counts_from_the_first_pass_that_sees_it_and_fires_once_a_time(place, pass_at):
    place.push(tick=every_minute("tick"))
    assert [pass_at(m).started for m in (0, 0.2, 1, 1.2, 1.4, 2, 5)] == [0, 0, 1, 0, 0, 1, 1]
    assert titles(place) == [f"tick #{n}: Succeeded" for n in (1, 2, 3)]


def test_a_time_that_started_a_run_is_over_even_if_the_state_was_lost(place, pass_at):
    place.push(tick=every_minute("tick"))
    assert [pass_at(m).started for m in (0, 1)] == [0, 1]
    for file in place.state.glob("state.db*"):
        file.unlink()
    assert [pass_at(m).started for m in (1.2, 2)] == [0, 1]


def test_row_30_no_more_start_than_allowed_and_none_waits_for_good(place, pass_at):
    place.push(**{name: every_minute(name) for name in ("aaa", "bbb", "ccc")})
    counts = [pass_at(0, pass__max_starts="1").started]
    counts += [pass_at(1 + n / 10, pass__max_starts="1").started for n in range(4)]
    assert counts == [0, 1, 1, 1, 0]
    assert sorted(titles(place)) == ["aaa #1: Succeeded", "bbb #1: Succeeded", "ccc #1: Succeeded"]
    late = [pass_at(2 + n / 10, pass__max_starts="2").started for n in range(3)]
    assert late == [2, 1, 0]


def test_while_suspended_times_pass_and_are_not_caught_up(place, pass_at):
    place.push(tick=every_minute("tick").replace("spec:\n", "spec:\n  suspend: true\n"))
    assert [pass_at(m).started for m in (0, 1, 2)] == [0, 0, 0]
    place.push(tick=every_minute("tick"))
    assert [pass_at(m).started for m in (2.2, 3)] == [0, 1]


def test_changed_settings_count_at_the_same_revision(place):
    place.push(aaa=workflow("aaa"))
    place.write("flows/bbb.yaml", workflow("bbb") + "# long\n" * 300)
    place.push()
    place.run("pass")
    assert titles(place) == ["aaa #1: Succeeded"]
    printed = place.run("pass", "--repository-path", "flows", "--limits-file-bytes", "1KiB")
    assert "flows/bbb.yaml" in printed
    place.run("pass", "--repository-path", "flows")
    assert titles(place) == ["aaa #1: Succeeded", "bbb #1: Succeeded"]
    place.run("pass")
    assert len(titles(place)) == 2


def test_a_failed_attempt_is_told_with_the_wait_for_the_next(place):
    flaky = (
        "{script: 'test \"$RECONCILER_ATTEMPT\" = 2', retry: {limit: 1, backoff: {initial: 1s, jitter: 0}}}"
    )
    place.push(flaky=workflow("flaky", step=flaky))
    printed = place.run("pass")
    assert "flaky #1: only: attempt 1 failed (ExitCode)" in printed
    assert "again in 1 s" in printed
