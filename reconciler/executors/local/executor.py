"""The local executor: processes of this machine that outlive the pass which started them.

What is true of an attempt stands in its directory; what is held in memory only saves looking there.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ExecutorUnavailable, LaunchRejected
from reconciler.executors import command, paths
from reconciler.executors.ending import lost, moment
from reconciler.executors.local import process
from reconciler.executors.local.attempts import Attempts
from reconciler.executors.local.live import Live, Progress
from reconciler.executors.local.options import Options
from reconciler.executors.local.place import Place, places, remove, remove_all, safe, write_whole
from reconciler.executors.local.way import Way, cookie
from reconciler.executors.local.ways import Ways
from reconciler.model import codec
from reconciler.model.run import AttemptKey, Observation, Run, Status, StepCall
from reconciler.model.workflow import Workflow

READ_AT_ONCE = 1024 * 1024
LOOK_AGAIN = 0.1
"""Seconds until an attempt that another process is about to start is looked at again."""

_LOG = logging.getLogger(__name__)


class LocalExecutor:
    """Attempts as processes below `root`. `parse` makes a workflow of the document in an anchor.

    With `expecting`, all is made ready for steps at once, because there will be some.
    """

    name = "local"

    def __init__(
        self,
        root: Path,
        store: ArtifactStore,
        parse: Callable[[Mapping[str, Any]], Workflow],
        options: Options | None = None,
        *,
        expecting: bool = False,
    ) -> None:
        self._root = root.resolve()
        self._parse = parse
        self._options = options or Options()
        self.slots = self._options.slots
        self._ways = Ways(self._options, self._root)
        self._attempts = Attempts(store, self._options)
        self._foreign: set[AttemptKey] = set()
        self._has_news = False
        if expecting:
            self._attempts.expect()

    def anchor(self, run: Run) -> None:
        directory = self._root / safe(run.id)
        if (directory / "run.json").exists():
            return
        text = json.dumps(codec.encode(run, {Workflow: lambda w: w.document}), ensure_ascii=False)
        with _space_needed(f"anchor {run.title}"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(directory / "run.json", text)

    def survey(self) -> Iterable[Run]:
        for anchor in sorted(self._root.glob("*/run.json")):
            try:
                yield codec.decode(Run, json.loads(anchor.read_text("utf-8")), {Workflow: self._parse})
            except ValueError as error:
                _LOG.warning("the anchor %s cannot be read: %s", anchor, error)

    def attempts(self, run_id: str) -> Collection[AttemptKey]:
        return [place.key for place in places(self._root, run_id) if place.is_over()]

    def release(self, run_id: str) -> None:
        directory = self._root / safe(run_id)
        for place in places(self._root, run_id):
            self._end(place)
        remove_all([str(entry) for entry in directory.glob("*/")])
        remove(str(directory))
        self._attempts.drop(run_id)

    def launch(self, call: StepCall) -> None:
        if call.key in self._attempts.live or call.key in self._attempts.ended:
            return
        if why := self._attempts.put_off.pop(call.key, None):
            raise ExecutorUnavailable(why)
        place = Place(self._root, call.key)
        way = self._way_of(call)
        with _space_needed(f"start {call.key}"):
            fresh = place.make()
            lock = place.lock()
            if lock is None:
                return
            live = Live(place, call, way, self._ways.note(call.image), lock=lock)
            try:
                if not fresh and (place.is_over() or place.is_of_another_boot()):
                    live.unlock()
                    return
                _lay_out(live, fresh)
            except BaseException:
                live.unlock()
                raise
        self._attempts.begin(live)

    def observe(self, keys: Collection[AttemptKey]) -> Mapping[AttemptKey, Observation]:
        self._has_news = False
        known: dict[AttemptKey, Observation] = {}
        for key in keys:
            if key not in self._attempts.live and key not in self._attempts.ended:
                seen = self._look(key)
                if seen is not None:
                    known[key] = seen
        self._attempts.turn(0.0)
        return {key: known.get(key) or self._seen(key) for key in keys}

    def cancel(self, key: AttemptKey) -> None:
        place = Place(self._root, key)
        if place.end() is not None or place.result() or not place.path.is_dir():
            return
        with _space_needed(f"stop {key}"):
            place.mark_cancelled(time.time())
        live = self._attempts.live.get(key)
        if live is None and self._look(key) is None:
            live = self._attempts.live.get(key)
        if live is not None:
            self._attempts.cancel(live)

    def wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not self._has_news and (left := deadline - time.monotonic()) > 0:
            self._has_news = self._attempts.turn(min(left, LOOK_AGAIN) if self._foreign else left)
            if self._foreign:
                return

    def read_log(self, key: AttemptKey, offset: int = 0) -> bytes:
        try:
            with open(Place(self._root, key).log, "rb") as log:
                log.seek(offset)
                return log.read(READ_AT_ONCE)
        except FileNotFoundError:
            return b""

    def close(self) -> None:
        self._attempts.close()

    def _way_of(self, call: StepCall) -> Way:
        if call.manifest is not None:
            raise LaunchRejected("the step is an object of a cluster; it needs executor.name: kubernetes")
        way = self._ways.choose(call.image)
        command.check(call)
        if way.on_host and command.vector(call, "") is None:
            raise LaunchRejected(self._ways.lack_of_image(call.image))
        why = way.refusal(paths.paths_of(call), call.working_dir)
        if why is not None:
            raise LaunchRejected(why)
        self._attempts.secrets.variables(call)  # here before anything is made
        return way

    def _seen(self, key: AttemptKey) -> Observation:
        if key in self._attempts.ended:
            return self._attempts.ended.pop(key)
        live = self._attempts.live.get(key)
        if live is None:
            return Observation(key, Status.MISSING)
        return _under_way(live)

    def _look(self, key: AttemptKey) -> Observation | None:
        """What the directory says of an attempt that is not followed yet; None once it is."""
        place = Place(self._root, key)
        self._foreign.discard(key)
        with suppress(ValueError):  # a result that cannot be read is made again
            if (result := place.result()) is not None:
                return codec.decode(Observation, result)
        if place.claim() is None:
            return self._look_unclaimed(place)
        try:
            recorded = place.call()
            call, way = codec.decode(StepCall, recorded["call"]), self._ways.by_name(recorded["way"])
        except (ValueError, TypeError, KeyError):
            return lost(place.key, place.changed_at("call.json"))
        self._attempts.adopt(Live(place, call, way, self._ways.note(call.image)))
        return None

    def _look_unclaimed(self, place: Place) -> Observation | None:
        """Nothing was started yet, unless the machine went down so hard that the claim is gone."""
        if not place.path.is_dir():
            return Observation(place.key, Status.MISSING)
        lock = place.lock()
        if lock is None:
            self._foreign.add(place.key)
            return Observation(place.key, Status.STARTING)
        os.close(lock)
        if place.claim() is not None:
            return self._look(place.key)
        return (
            lost(place.key, place.changed_at("call.json"))
            if place.is_of_another_boot()
            else Observation(place.key, Status.MISSING)
        )

    def _end(self, place: Place) -> None:
        """A released run should have nothing alive; if it has, it goes before its directory does."""
        claim, recorded = place.claim(), place.call()
        if claim is not None and claim.is_alive() and recorded is not None:
            self._ways.by_name(recorded["way"]).stop(place, claim, signal.SIGKILL)
            process.end([cookie(place)])


def _lay_out(live: Live, fresh: bool) -> None:
    """What is in the directory before anything is prepared or started."""
    if not fresh:
        live.place.clear()
    recorded = {"boot": process.boot_id(), "way": live.way.name, "call": codec.encode(live.call)}
    live.place.write("call.json", json.dumps(recorded))
    if live.call.script is not None:
        live.place.script.write_text(live.call.script, encoding="utf-8", newline="")
        live.place.script.chmod(0o700)


def _under_way(live: Live) -> Observation:
    if live.progress is Progress.PREPARING:
        return Observation(live.place.key, Status.STARTING)
    if live.started is None and (claim := live.place.claim()) is not None:
        live.started = claim.began
    if live.started is None:
        return Observation(live.place.key, Status.STARTING)
    return Observation(live.place.key, Status.RUNNING, started_at=moment(live.started))


@contextmanager
def _space_needed(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        raise ExecutorUnavailable(f"cannot {what}: {error.strerror}{where}") from error
