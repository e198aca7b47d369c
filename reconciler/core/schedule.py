"""When a schedule is due: cron lines in a time zone, through summer time and missed passes.

Cron speaks of wall clocks, so lines are walked in local time and each time is then placed in UTC:

- A time that the clock jumps over (02:30 in spring) happens as long after midnight as ever: at 03:30.
- A time that comes twice (02:30 in autumn) happens once, the first time; only a line for every hour
  (`*` or `*/n` in its second field) goes on through both, so that no hour is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler.core.suggest import did_you_mean
from reconciler.model.workflow import Schedule

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo  # loads the configuration of the whole interpreter; few passes need it

MAX_CAUGHT_UP: Final = 100
"""With `catchUp: all`, the most runs that one pass starts for times that were missed; the newest."""

GRACE: Final = timedelta(minutes=15)
"""With `catchUp: none`, a time counts as missed when no pass looked within this span after it."""

_MAX_LENGTH = 200
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_YEARS = 9  # leap days may lie eight years apart
_WORD = re.compile(r"[A-Za-z]+")
_WORDS = frozenset(
    (
        *("sun", "mon", "tue", "wed", "thu", "fri", "sat", "l"),
        *("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    )
)
_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_NEAR_CHANGE = timedelta(hours=25)  # longer than any change of a zone's offset (Samoa once skipped a day)


def due(schedule: Schedule, since: datetime, now: datetime) -> list[datetime]:
    """The times after `since`, up to and including `now`, for which a run is to start; oldest first.

    `since` is the moment up to which this schedule was looked at. When the clock was set back there is
    nothing due until it has passed that moment again, so nothing is started twice.
    """
    if schedule.catch_up == "none":
        since = max(since, now - GRACE)
    return _latest(schedule, since, now, MAX_CAUGHT_UP if schedule.catch_up == "all" else 1)


def next_due(schedules: Iterable[Schedule], after: datetime) -> datetime | None:
    """The first time after `after` of any of the schedules."""
    return min((moment for s in schedules if (moment := _first(s, after))), default=None)


def problem(cron: str, timezone: str) -> str | None:
    """What is wrong with a schedule, as a sentence; None if it will come."""
    return _cron_problem(cron) or _zone_problem(timezone)


def _cron_problem(cron: str) -> str | None:
    from croniter import CroniterError, croniter  # 20 ms to import, and most passes have nothing scheduled

    fields = cron.split()
    if len(cron) > _MAX_LENGTH:
        return f"A cron line has at most {_MAX_LENGTH} characters."
    if cron.startswith("@"):
        known = cron in _ALIASES
        return (
            None if known else f"'{cron}' is not one of {', '.join(_ALIASES)}.{did_you_mean(cron, _ALIASES)}"
        )
    if len(fields) != 5:
        return f"A cron line has five fields (minute hour day month weekday), and '{cron}' has {len(fields)}."
    if strange := [word for word in _WORD.findall(cron) if word.lower() not in _WORDS]:
        return f"'{strange[0]}' means nothing in a cron line; its words are days (mon), months (jan) and L."
    try:
        line = croniter(cron, _SOME_DAY, max_years_between_matches=_YEARS)
    except (CroniterError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        return f"'{cron}' is not a cron line: {_words(error)}."
    try:
        line.get_next(datetime)
    except CroniterError:
        return f"'{cron}' never comes: there is no such day in any year."
    return None


def _words(error: Exception) -> str:
    """croniter's own, without the line that it repeats in brackets."""
    text = re.sub(r"^\[.*\] ", "", str(error).partition("\n")[0])
    text = f"it {text}" if text.startswith("is ") else text
    return text.rstrip(".")[:_MAX_LENGTH]


def _zone_problem(timezone: str) -> str | None:
    from zoneinfo import ZoneInfoNotFoundError

    try:
        _zone(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones  # walks the whole database; only for the suggestion

        hint = did_you_mean(timezone, sorted(available_timezones()))
        return f"'{timezone[:64]}' is not a time zone, such as Europe/Berlin or UTC.{hint}"
    return None


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _latest(schedule: Schedule, since: datetime, now: datetime, count: int) -> list[datetime]:
    """The newest `count` times in (since, now], oldest first."""
    if since >= now:
        return []
    zone = _zone(schedule.timezone)
    oldest = _local(since, zone) - _slack(since, zone)
    found: set[datetime] = set()
    for local in _walk(schedule.cron, _local(now, zone) + _slack(now, zone), forward=False):
        if local < oldest:
            break
        found.update(moment for moment in _moments(local, zone, schedule.cron) if since < moment <= now)
        if len(found) >= count:  # further ones can only be later where the offset changes
            newest = sorted(found)[-count]
            oldest = max(oldest, _local(newest, zone) - _slack(newest, zone))
    return sorted(found)[-count:]


def _first(schedule: Schedule, after: datetime) -> datetime | None:
    zone = _zone(schedule.timezone)
    best: datetime | None = None
    for local in _walk(schedule.cron, _local(after, zone) - _slack(after, zone), forward=True):
        if best and local > _local(best, zone) + _slack(best, zone):
            break
        for moment in _moments(local, zone, schedule.cron):
            if moment > after and (best is None or moment < best):
                best = moment
    return best


def _walk(cron: str, start: datetime, *, forward: bool) -> Iterator[datetime]:
    """The local times of the line, from `start` (included) on, until none comes for years."""
    from croniter import CroniterError, croniter

    edge = timedelta(seconds=-1 if forward else 1)
    line: Any = croniter(cron, start.replace(microsecond=0) + edge, max_years_between_matches=_YEARS)
    step = line.get_next if forward else line.get_prev
    try:
        while True:
            yield step(datetime)
    except CroniterError:
        return


def _moments(local: datetime, zone: ZoneInfo, cron: str) -> Iterator[datetime]:
    """Where a local time falls in UTC: once, or twice for an every-hour line when the clock is set back."""
    first = local.replace(tzinfo=zone).astimezone(UTC)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    yield first
    if second > first and _is_every_hour(cron):
        yield second


def _is_every_hour(cron: str) -> bool:
    return cron == "@hourly" or any(hour.startswith("*") for hour in cron.split()[1:2])


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _slack(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far local order may differ from real order around `moment`: zero, but near a change of offset."""
    offsets = [(moment + span).astimezone(zone).utcoffset() for span in (-_NEAR_CHANGE, _NEAR_CHANGE)]
    before, after = (offset or timedelta() for offset in offsets)
    return abs(after - before)
