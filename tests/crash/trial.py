"""One trial: a place with two workflows, passes that die or do not, and what is left in the end."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.place import Place

DIAMOND = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: diamond}
spec:
  steps:
    top:
      files: [words.txt]
      script: |
        note "$RECONCILER_STEP"
        wc -l < words.txt > lines.txt
      outputs:
        parameters: {lines: {path: lines.txt, type: integer}}
        artifacts: {words: {path: words.txt}}
    left:
      inputs: {artifacts: {words: {from: top/words, path: given.txt}}}
      script: |
        note left
        sort given.txt > sorted.txt
      outputs: {artifacts: {sorted: {path: sorted.txt}}}
    right:
      when: ${{ steps.top.outputs.lines > 2 }}
      script: note right
    never:
      when: ${{ steps.top.outputs.lines > 99 }}
      script: note never
    bottom:
      needs: [right]
      inputs: {artifacts: {sorted: {from: left/sorted, path: sorted.txt}}}
      script: note bottom
  outputs:
    parameters: {lines: '${{ steps.top.outputs.lines }}'}
""".replace("note ", "/bin/sh $NOTE ")

STUBBORN = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: stubborn}
spec:
  steps:
    second-time:
      retry: {limit: 1, on: [failure], backoff: {initial: 0s, jitter: 0}}
      script: |
        note again
        test "$RECONCILER_ATTEMPT" = 2
    tolerated:
      continueOnFailure: true
      script: |
        note tolerated
        exit 7
    after:
      needs: [second-time, tolerated]
      script: note after
""".replace("note ", "/bin/sh $NOTE ")

DAILY = """\
apiVersion: reconciler/v1
kind: Workflow
metadata: {name: daily}
spec:
  on: {change: false, schedule: [{cron: "$MINUTE $HOUR * * *"}]}
  steps:
    only: {script: note only}
""".replace("note ", "/bin/sh $NOTE ")

MOST_PASSES = 6


class Driver:
    """The process that forks passes; `in_cluster` chooses where they can be killed."""

    def __init__(self, *, in_cluster: bool = False) -> None:
        self._in_cluster = in_cluster
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(
        self,
        place: Place,
        at: int | None = None,
        side: str = "before",
        *,
        kill_after: float | None = None,
        shift: float = 0.0,
    ) -> dict[str, Any]:
        """One pass at `place`; what became of it."""
        request = {
            "environment": place.env,
            "at": at,
            "side": side,
            "kill_after": kill_after,
            "shift": shift,
            "in_cluster": self._in_cluster,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Template:
    """A place to start trials from: two workflows pushed that have not run, and one whose time has come.

    `slowly` lets each step last a moment, so that a pass has moments to be killed at.
    """

    def __init__(self, driver: Driver, root: Path, *, slowly: bool = False, scheduled: bool = True) -> None:
        self._place = root / "place"
        self._kept = root / "kept"
        self._place.mkdir(parents=True)
        place = Place(self._place)
        note = self._place / "note.sh"
        line = 'echo "$RECONCILER_RUN_ID $RECONCILER_STEP $RECONCILER_ATTEMPT" >> "$(dirname "$0")/ran.txt"\n'
        note.write_text(line + ("sleep 0.3\n" if slowly else ""))
        if scheduled:
            place.push(daily=_daily(datetime.now(UTC) - timedelta(hours=1)).replace("$NOTE", str(note)))
            assert driver.run(place, shift=-7200)["status"] == 0  # sees the schedule before its time
        workflows = {"diamond": DIAMOND, "stubborn": STUBBORN}
        place.write("words.txt", "one\ntwo\nthree\n")
        place.push(**{name: text.replace("$NOTE", str(note)) for name, text in workflows.items()})
        shutil.copytree(self._place, self._kept, symlinks=True)

    def fresh(self) -> Place:
        """The place as it was, where it was: what stands in it names its own path."""
        shutil.rmtree(self._place)
        shutil.copytree(self._kept, self._place, symlinks=True)
        return Place(self._place)


def _daily(moment: datetime) -> str:
    """The workflow that is due every day at `moment`."""
    return DAILY.replace("$MINUTE", str(moment.minute)).replace("$HOUR", str(moment.hour))


def ran(template: Place) -> Counter[str]:
    """How often each "run step attempt" was executed."""
    file = template.root / "ran.txt"
    return Counter(file.read_text().splitlines()) if file.exists() else Counter()


def carry_on(driver: Driver, place: Place) -> int:
    """Passes until one finds nothing to do; returns how many it took."""
    for number in range(1, MOST_PASSES + 1):
        before = place.history("%H")
        answer = driver.run(place)
        assert answer["status"] == 0, answer
        if number > 1 and place.history("%H") == before and not list(place.state.glob("attempts/*/run.json")):
            return number
    raise AssertionError(f"still not quiet after {MOST_PASSES} passes")


def ended(place: Place) -> dict[str, Any]:
    """What the ledger says, without times: by run, every step and its attempts."""
    found: dict[str, Any] = {}
    for commit in place.history("%H"):
        name = place.git("log", "-1", "--format=%(trailers:key=Workflow,valueonly)", commit, cwd=place.remote)
        record = json.loads(place.git("show", f"{commit}:{name.strip()}/run.json", cwd=place.remote))
        assert record["id"] not in found, f"{record['id']} was committed twice"
        found[record["id"]] = _timeless(record)
    return found


def _timeless(record: dict[str, Any]) -> dict[str, Any]:
    steps = {
        name: {
            "phase": step["phase"],
            "reason": step.get("reason"),
            "attempts": [
                (attempt["number"], attempt["phase"], attempt.get("reason"), attempt.get("exitCode"))
                for attempt in step.get("attempts", [])
            ],
        }
        for name, step in record["steps"].items()
    }
    return {"phase": record["phase"], "outputs": record.get("outputs"), "steps": steps}


def was_killed(answer: dict[str, Any]) -> bool:
    return bool(answer["status"] == -signal.SIGKILL)
