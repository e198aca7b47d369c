"""The attempts that this process knows to be under way, and what moves them from begin to end.

Everything here runs in the thread that calls; only the bytes are moved by others.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any

from reconciler.artifacts.base import ArtifactStore
from reconciler.errors import ExecutorUnavailable, LaunchRejected
from reconciler.executors import command
from reconciler.executors.ending import Ending, failed, judge, moment
from reconciler.executors.local import launcher, process
from reconciler.executors.local.background import Background, Done
from reconciler.executors.local.live import Live, Progress
from reconciler.executors.local.options import Options
from reconciler.executors.local.secrets import Secrets, take_back
from reconciler.executors.local.watch import Watch
from reconciler.executors.local.way import cookie
from reconciler.executors.transfer import HOPELESS, NotPrepared, Transfer
from reconciler.model import codec
from reconciler.model.run import AttemptKey, Observation, Status
from reconciler.model.workflow import FailureClass

INSIST_EVERY, LOOK_EVERY = 0.2, 0.02
TRY_AGAIN = 2.0
SHORT = 1.0
"""Seconds in which process numbers cannot have gone round."""


class Attempts:
    """Live attempts by key, and the observations of those that ended since they were last asked for."""

    def __init__(self, store: ArtifactStore, options: Options) -> None:
        self.live: dict[AttemptKey, Live] = {}
        self.ended: dict[AttemptKey, Observation] = {}
        self.put_off: dict[AttemptKey, str] = {}  # why it could not be prepared now
        self._pressing: set[AttemptKey] = set()  # those that want something at a certain time
        self._options = options
        self._watch: Watch[AttemptKey] = Watch()
        self._background = Background(self._watch.ring)
        self.secrets = Secrets(options.secrets, options.environment)
        self._transfer = Transfer(store, options, self._background.stopping)
        self._launcher = launcher.Launcher(self._watch, launcher.allow_open_files(options.slots + 256))

    def expect(self) -> None:
        """Some are about to begin, it seems."""
        with suppress(OSError):  # who begins one will see
            self._launcher.ready()

    def begin(self, live: Live) -> None:
        """Prepare and start; the caller holds the attempt's lock, which is let go of here."""
        self.live[live.place.key] = live
        call = live.call
        if call.bundle or call.input_files or call.input_texts or call.working_dir:
            self._background.submit(live.place.key, lambda: self._prepare(live))
        else:
            self._start(live)

    def adopt(self, live: Live) -> None:
        """Follow an attempt that an earlier pass started."""
        live.progress = Progress.RUNNING
        claim = live.place.claim()
        assert claim is not None
        key = live.place.key
        self.live[key] = live
        if claim.leader is None and claim.is_alive():  # it is just about to be written, or no space was left
            self._watch.look(key, lambda: (now := live.place.claim()) is not None and now.is_alive())
        else:
            self._watch.add(claim.keeper if claim.leader is None else claim.leader[0], key, claim.is_led)
        if live.place.cancelled_at() is not None:
            self.cancel(live)

    def cancel(self, live: Live) -> None:
        """Ask the attempt to stop, now or as soon as it runs; the mark on disk is there already."""
        if live.cancelled is None:
            live.cancelled = time.monotonic()
            self._pressing.add(live.place.key)
            self._press()

    def turn(self, timeout: float) -> bool:
        """Wait, at most so long, for something to happen, and carry on with it; whether an attempt left."""
        before = len(self.live)
        woken = dict.fromkeys(self._watch.wait(self._limit(timeout)))
        found = [self.live[key] for key in woken if key in self.live]
        drained = [live for live in found if live.progress is Progress.DRAINING and live.is_whole]
        self._commands_ended([live for live in found if live.progress is Progress.RUNNING])
        for live in drained:
            self._settle(live)
        for done in self._background.done():
            if done.token in self.live:
                self._transferred(self.live[done.token], done)
        self._press()
        return len(self.live) < before

    def drop(self, run_id: str) -> None:
        """Forget what ended of a run that nobody asks about any more."""
        held: dict[AttemptKey, Any]
        for held in (self.ended, self.put_off):
            for key in [key for key in held if key.run_id == run_id]:
                del held[key]

    def close(self) -> None:
        """Let go of everything; what runs goes on."""
        self._background.stop()
        for live in self.live.values():
            live.unlock()
        self.live.clear()
        self._pressing.clear()
        self._launcher.close()
        self._watch.close()

    def _prepare(self, live: Live) -> None:
        live.place.prepare()
        self._transfer.prepare(live.call, partial(live.way.locate, live.place))

    def _start(self, live: Live) -> None:
        place = live.place
        try:
            start = live.way.set_up(place, live.call, self.secrets.variables(live.call))
            self.secrets.lay(place, live.way, live.call)
            self._launcher.spawn(live, start)
        except OSError as error:
            self._forget(live)
            if error.errno in HOPELESS:
                raise LaunchRejected(f"the paths of the step do not fit together: {error}") from error
            raise ExecutorUnavailable(f"cannot start {place.key}: {error.strerror}") from error
        except BaseException:
            self._forget(live)
            raise
        live.unlock()
        live.progress = Progress.RUNNING

    def _commands_ended(self, found: list[Live]) -> None:
        """The commands are over: nothing they left behind may go on, and the log must be whole."""
        for live in found:
            live.claim = live.place.claim()
            if live.claim is not None and live.claim.end is None and not live.claim.is_kept():
                live.way.stop(live.place, live.claim, signal.SIGKILL)  # the keeper died before the command
        begun = [live for live in found if live.claim is not None]
        self._end_orphans([live for live in begun if not live.way.reaps])
        for live in found:
            if live.claim is None:
                self._not_begun(live)
            elif live.is_whole:
                self._settle(live)
            else:
                live.progress = Progress.DRAINING
                self._pressing.add(live.place.key)

    def _not_begun(self, live: Live) -> None:
        """Told to stop before it began, or there was no room for it."""
        self._forget(live)
        if live.refused and live.refused != errno.ECANCELED:
            self.put_off[live.place.key] = f"cannot start {live.place.key}: {os.strerror(live.refused)}"

    def _end_orphans(self, found: list[Live]) -> None:
        if not found:
            return
        # What a short attempt left behind has a higher pid than its command: few to look at.
        pids = [live.claim.leader[0] if live.claim and live.claim.leader else 0 for live in found]
        is_short = all(time.monotonic() - live.began < SHORT for live in found)
        first = min(pids) if is_short and process.last_pid() >= max(pids) else 0
        process.end([cookie(live.place) for live in found], first=first)

    def _look_if_whole(self, live: Live) -> None:
        """Its keeper belongs to an earlier pass, or is about to tell us: who holds the lock still writes."""
        live.claim = live.place.claim()
        if live.claim is not None and live.claim.is_kept():
            lock = live.place.lock()
            if lock is None:
                return
            os.close(lock)
            live.claim = live.place.claim()
        self._settle(live)

    def _settle(self, live: Live) -> None:
        """Nothing of it runs any more: say how it ended, after storing what there is to store."""
        live.progress = Progress.HARVESTING
        self._pressing.discard(live.place.key)
        place, call, way, seen = live.place, live.call, live.way, self._judge(live)
        take_back(place, way, call)
        if not (place.has_log() or call.parameter_outputs or call.artifact_outputs):
            self._finish(live, seen)
            return

        def harvest() -> Observation:
            log = place.log if place.has_log() else None
            whole = self._transfer.harvest(call, partial(way.locate, place), seen, log)
            place.conclude(codec.encode(whole))
            return whole

        self._background.submit(place.key, harvest)

    def _judge(self, live: Live) -> Observation:
        place, claim = live.place, live.claim or live.place.claim()
        assert claim is not None
        code, blame = (claim.end.code if claim.end else None), ""
        if code and claim.end:
            code, blame = live.way.outcome(place, claim.end)
        return judge(
            Ending(
                key=place.key,
                started=claim.began,
                finished=claim.end.at if claim.end else place.changed_at("log"),
                exit_code=code,
                cancelled=place.cancelled_at(),
                blame=blame,
                note=live.note,
                program=command.program(live.call),
            )
        )

    def _transferred(self, live: Live, done: Done) -> None:
        if isinstance(done.error, NotPrepared):
            self._not_prepared(live, done.error)
        elif isinstance(done.error, OSError):
            self._not_moved(live, done.error)
        elif done.error is not None:
            self._forget(live)
            raise done.error
        elif live.progress is Progress.HARVESTING:
            self._finish(live, done.value)
        elif live.cancelled is not None:
            self._forget(live)
        else:
            self._start_prepared(live)

    def _not_moved(self, live: Live, error: OSError) -> None:
        """A full disk, most likely: later is another time."""
        if live.progress is Progress.HARVESTING:
            live.act_at = time.monotonic() + TRY_AGAIN
            self._pressing.add(live.place.key)
            return
        self._forget(live)
        self.put_off[live.place.key] = f"cannot prepare {live.place.key}: {error}"

    def _start_prepared(self, live: Live) -> None:
        try:
            self._start(live)
        except LaunchRejected as error:
            self._not_prepared(live, NotPrepared(FailureClass.FAILURE, error.reason, error.message))
        except ExecutorUnavailable as error:
            self.put_off[live.place.key] = error.message

    def _not_prepared(self, live: Live, error: NotPrepared) -> None:
        now = moment(time.time())
        seen = Observation(live.place.key, Status.ENDED, finished_at=now, message=live.note)
        seen = failed(seen, error.failure, error.reason, error.message)
        live.place.conclude(codec.encode(seen))
        self._finish(live, seen)

    def _finish(self, live: Live, seen: Observation) -> None:
        if not (live.call.parameter_outputs or live.call.artifact_outputs) and live.place.is_used():
            # Else a power cut might leave neither the result nor what it was made of. Empty directories can
            # wait: some file systems look at everything removed a moment ago for each file that they make.
            self._background.submit(None, live.place.sweep)
        self._forget(live)
        self.ended[live.place.key] = seen

    def _forget(self, live: Live) -> None:
        live.unlock()
        self._pressing.discard(live.place.key)
        self.live.pop(live.place.key, None)

    def _press(self) -> None:
        """Insist with those who were asked to stop, and with a log that does not end."""
        for key in list(self._pressing):
            live = self.live[key]
            if time.monotonic() < live.act_at:
                continue
            if live.progress is Progress.HARVESTING:
                self._settle(live)
            elif live.progress is Progress.DRAINING:
                live.act_at = time.monotonic() + LOOK_EVERY
                self._look_if_whole(live)
            claim = live.place.claim() if live.progress is Progress.RUNNING else None
            if claim is None:
                continue
            live.act_at = time.monotonic() + INSIST_EVERY
            if live.asked_for() >= self._options.grace:
                live.way.stop(live.place, claim, signal.SIGKILL)
            elif not live.told:
                live.told = live.way.stop(live.place, claim, signal.SIGTERM)
                if live.told:
                    live.act_at = time.monotonic() + self._options.grace - live.asked_for()

    def _limit(self, timeout: float) -> float:
        pressed = (self.live[key] for key in self._pressing)
        due = min((one.act_at for one in pressed if one.progress is not Progress.PREPARING), default=None)
        if due is None:
            return timeout
        return max(0.0, min(timeout, max(due - time.monotonic(), LOOK_EVERY)))
