"""When schedules are due: summer time, leap days, missed passes and clocks that go backwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.schedule import MAX_CAUGHT_UP, due, next_due, problem
from reconciler.model.workflow import Schedule
from tests.chance import examples

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(moments: list[datetime]) -> list[str]:
    return [moment.strftime("%m-%d %H:%M") for moment in moments]


def all_due(cron: str, since: str, now: str, timezone: str = BERLIN) -> list[str]:
    return times(due(Schedule(cron, timezone, "all"), utc(since), utc(now)))


def test_a_time_is_due_once_after_since_and_up_to_now() -> None:
    line = Schedule("0 3 * * *")
    assert times(due(line, utc("2025-01-01 02:00"), utc("2025-01-01 02:59"))) == []
    assert times(due(line, utc("2025-01-01 02:59"), utc("2025-01-01 03:00"))) == ["01-01 03:00"]
    assert times(due(line, utc("2025-01-01 03:00"), utc("2025-01-01 04:00"))) == []


def test_times_are_those_of_the_time_zone() -> None:
    assert all_due("0 3 * * *", "2025-01-01", "2025-01-02") == ["01-01 02:00"]
    assert all_due("0 3 * * *", "2025-07-01", "2025-07-02") == ["07-01 01:00"]
    assert all_due("0 3 * * *", "2025-07-01", "2025-07-02", "Asia/Kolkata") == ["07-01 21:30"]


def test_a_time_that_the_clock_jumps_over_happens_as_long_after_midnight_as_ever() -> None:
    """On 2025-03-30 in Berlin 02:00 CET is 03:00 CEST (01:00 UTC): 02:30 happens at 03:30 CEST."""
    assert all_due("30 2 * * *", "2025-03-29", "2025-04-01") == ["03-29 01:30", "03-30 01:30", "03-31 00:30"]


def test_a_time_that_comes_twice_happens_the_first_time() -> None:
    """On 2025-10-26 in Berlin 03:00 CEST is 02:00 CET (01:00 UTC): 02:30 is at 00:30 and at 01:30 UTC."""
    assert all_due("30 2 * * *", "2025-10-25", "2025-10-28") == ["10-25 00:30", "10-26 00:30", "10-27 01:30"]


@pytest.mark.parametrize("day", ["2025-03-30", "2025-10-26"])
@pytest.mark.parametrize(("cron", "every"), [("*/20 * * * *", 20), ("0 * * * *", 60), ("@hourly", 60)])
def test_a_line_for_every_hour_keeps_its_distance_through_changes_of_the_clock(
    cron: str, every: int, day: str
) -> None:
    line = Schedule(cron, BERLIN, "all")
    moments = due(line, utc(day) - timedelta(hours=2), utc(day) + timedelta(hours=4))
    assert len(moments) == 360 // every
    assert {b - a for a, b in pairwise(moments)} == {timedelta(minutes=every)}


def test_a_leap_day_comes_every_four_years_and_after_1900_in_eight() -> None:
    line = [Schedule("0 0 29 2 *")]
    assert next_due(line, utc("2025-01-01")) == utc("2028-02-29")
    assert next_due(line, utc("2096-03-01")) == utc("2104-02-29")
    assert due(line[0], utc("2020-01-01"), utc("2025-01-01")) == [utc("2024-02-29")]


def test_a_day_that_a_zone_left_out_does_not_stop_its_schedule() -> None:
    """Samoa had no 30 December 2011."""
    found = all_due("0 12 * * *", "2011-12-29", "2012-01-02", "Pacific/Apia")
    assert found == ["12-29 22:00", "12-30 22:00", "12-31 22:00", "01-01 22:00"]


def test_missed_times_are_caught_up_as_the_schedule_says() -> None:
    since, now = utc("2025-01-01 00:00"), utc("2025-01-03 12:00")
    everything = ["01-01 03:00", "01-02 03:00", "01-03 03:00"]
    assert times(due(Schedule("0 3 * * *", "UTC", "all"), since, now)) == everything
    assert times(due(Schedule("0 3 * * *", "UTC", "latest"), since, now)) == everything[-1:]
    assert times(due(Schedule("0 3 * * *", "UTC", "none"), since, now)) == []


def test_without_catching_up_a_time_still_counts_shortly_after_it() -> None:
    line = Schedule("0 3 * * *", "UTC", "none")
    assert times(due(line, utc("2025-01-01 02:50"), utc("2025-01-01 03:10"))) == ["01-01 03:00"]
    assert times(due(line, utc("2025-01-01 02:50"), utc("2025-01-01 03:20"))) == []


def test_of_very_many_missed_times_only_the_newest_are_caught_up() -> None:
    moments = due(Schedule("* * * * *", BERLIN, "all"), utc("2015-01-01"), utc("2025-01-01"))
    assert len(moments) == MAX_CAUGHT_UP
    assert moments[-1] == utc("2025-01-01")


def test_a_clock_that_goes_backwards_starts_nothing_twice() -> None:
    line = Schedule("*/10 * * * *", "UTC", "all")
    assert due(line, utc("2025-01-01 12:00"), utc("2025-01-01 11:00")) == []
    assert due(line, utc("2025-01-01 12:00"), utc("2025-01-01 12:00")) == []
    assert times(due(line, utc("2025-01-01 12:00"), utc("2025-01-01 12:10"))) == ["01-01 12:10"]


def test_the_next_time_is_the_first_of_all_schedules() -> None:
    lines = [Schedule("0 3 * * *"), Schedule("0 3 * * *", BERLIN), Schedule("0 0 1 1 *")]
    assert next_due(lines, utc("2025-06-01 00:30")) == utc("2025-06-01 01:00")
    assert next_due(lines, utc("2025-06-01 01:00")) == utc("2025-06-01 03:00")
    assert next_due([], utc("2025-06-01")) is None


crons = st.sampled_from(
    [
        "*/7 * * * *",
        "@hourly",
        "30 2 * * *",
        "15 1-3 * * *",
        "0 */2 * * *",
        "59 23 * * 0",
        "0 0 1 * *",
        "@daily",
    ]
)
zones = st.sampled_from(
    [BERLIN, "UTC", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns"]
)
around_changes = st.sampled_from(
    [
        *(utc("2025-03-30 01:00"), utc("2025-10-26 01:00"), utc("2025-04-05 15:00")),
        *(utc("2025-03-09 05:00"), utc("2025-11-02 05:00")),
    ]
)


@examples()
@given(
    crons,
    zones,
    around_changes,
    st.integers(-600, 600),
    st.lists(st.integers(1, 400), min_size=1, max_size=8),
)
def test_however_often_a_pass_looks_each_time_is_due_exactly_once(
    cron: str, zone: str, change: datetime, offset: int, steps: list[int]
) -> None:
    line = Schedule(cron, zone, "all")
    start = change + timedelta(minutes=offset)
    looks = [start]
    for minutes in steps:
        looks.append(looks[-1] + timedelta(minutes=minutes))
    piecewise = [moment for since, now in pairwise(looks) for moment in due(line, since, now)]
    walked, moment = [], next_due([line], start)
    while moment is not None and moment <= looks[-1]:
        walked.append(moment)
        moment = next_due([line], moment)
    assert piecewise == walked
    assert due(line, start, looks[-1]) == walked[-MAX_CAUGHT_UP:]


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("0 3 * *", "A cron line has five fields (minute hour day month weekday), and '0 3 * *' has 4."),
        (
            "0 0 3 * * *",
            "A cron line has five fields (minute hour day month weekday), and '0 0 3 * * *' has 6.",
        ),
        ("", "A cron line has five fields (minute hour day month weekday), and '' has 0."),
        ("61 * * * *", "'61 * * * *' is not a cron line: it is not acceptable, out of range."),
        ("*/0 * * * *", "'*/0 * * * *' is not a cron line: step '0' in field 0 is not acceptable."),
        ("R * * * *", "'R' means nothing in a cron line; its words are days (mon), months (jan) and L."),
        ("0 0 30 2 *", "'0 0 30 2 *' never comes: there is no such day in any year."),
        (
            "@dayly",
            "'@dayly' is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually."
            " Did you mean '@daily'?",
        ),
        ("* " * 200, "A cron line has at most 200 characters."),
    ],
)
def test_a_line_that_will_not_work_is_a_problem_with_a_sentence(cron: str, sentence: str) -> None:
    assert problem(cron, "UTC") == sentence


@pytest.mark.parametrize(
    "cron", ["* * * * *", "0 3 * * 1-5", "0 0 29 2 *", "0 0 L * *", "0 0 * JAN mon", "@daily", "0 0 * * 7"]
)
def test_a_line_that_will_work_is_no_problem(cron: str) -> None:
    assert problem(cron, BERLIN) is None
    assert next_due([Schedule(cron, BERLIN)], utc("2025-01-01")) is not None


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "", "../../etc/passwd", "/etc/passwd", "Europe", "x\0y", "A" * 5000]
)
def test_a_time_zone_that_is_not_there_is_a_problem(zone: str) -> None:
    assert "is not a time zone, such as Europe/Berlin or UTC." in (problem("0 3 * * *", zone) or "")


def test_a_time_zone_that_is_nearly_right_is_suggested() -> None:
    assert (problem("0 3 * * *", "Europe/Berln") or "").endswith("Did you mean 'Europe/Berlin'?")
    assert (problem("0 3 * * *", "europe/berlin") or "").endswith("Did you mean 'Europe/Berlin'?")


@examples()
@given(st.text(max_size=30) | st.text("0123456789*/,-#?L@ ", max_size=30))
def test_no_line_whatever_breaks_the_check(cron: str) -> None:
    if problem(cron, "UTC") is None:
        assert next_due([Schedule(cron)], utc("2025-01-01")) is not None
