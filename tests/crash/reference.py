"""How the trial's workflows end when nothing disturbs them, and the comparison with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.crash import trial
from tests.place import Place


class Reference:
    """The undisturbed run: which points there are, and how everything ends."""

    def __init__(self, driver: trial.Driver, root: Path, *, scheduled: bool = True) -> None:
        place = trial.Template(driver, root, scheduled=scheduled).fresh()
        self.points: list[str] = driver.run(place)["points"]
        trial.carry_on(driver, place)
        self._ended = by_name(trial.ended(place))
        self._ran = by_name(trial.ran(place))

    def compare(self, place: Place, what: str) -> int:
        """Everything at `place` ended as if nothing had happened; returns how many attempts were executed."""
        assert by_name(trial.ended(place)) == self._ended, what
        executed = trial.ran(place)
        assert max(executed.values()) == 1, f"{what}: {executed}"
        assert by_name(executed) == self._ran, what
        return sum(executed.values())


def by_name(found: Any) -> Any:
    """The same with run ids cut to workflow and number: the rest of an id depends on the commit's time."""
    if isinstance(found, Counter):
        return Counter({" ".join([short(key.split()[0]), *key.split()[1:]]): n for key, n in found.items()})
    return {short(key): value for key, value in found.items()}


def short(run_id: str) -> str:
    return run_id.rpartition("-")[0]
