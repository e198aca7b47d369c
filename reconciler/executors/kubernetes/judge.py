"""What a pod's status means for its attempt. Pure: a view and the agent's answer in, an observation out.

Success is the main container's exit code 0 and, where the step has outputs, the agent's answer. The phase
of the pod is not asked: it is Succeeded when the agent died, and Failed when a good upload took too long.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.executors.ending import Ending, failed, moment
from reconciler.executors.ending import judge as judge_exit
from reconciler.executors.kubernetes.causes import CAUSES, DISRUPTIONS, agent_failed, cannot_run, complaint
from reconciler.executors.kubernetes.errand import Harvest
from reconciler.executors.kubernetes.note import Note
from reconciler.executors.kubernetes.view import PodView
from reconciler.model.run import Observation, Status
from reconciler.model.workflow import FailureClass

TERMINAL = ("Succeeded", "Failed")


def has_ended(view: PodView) -> bool:
    """Whether nothing more will come of it, so that its outputs and its log can be fetched."""
    if view.gone or view.verdict or view.phase in TERMINAL:
        return True
    if view.asked_to_end is not None and not view.node:
        return True  # there is no kubelet that would say so
    main, agent, note = view.main, view.agent, view.note
    if main is None or not main.has_ended or note is None:
        return False
    if not note.answers:
        return True
    # An agent that crashed earlier is begun again as long as main runs.
    return (
        agent is not None
        and agent.has_ended
        and agent.finished is not None
        and main.finished is not None
        and agent.finished >= main.finished
    )


def under_way(view: PodView, note: Note) -> Observation:
    """Of an attempt that has not ended."""
    started = view.main.started if view.main is not None else None
    if started is None:
        return Observation(note.key, Status.STARTING)
    return Observation(note.key, Status.RUNNING, started_at=started)


def judge(view: PodView, note: Note, answer: Harvest | None) -> Observation:
    """How an attempt ended; `answer` is what its agent left, if anything."""
    main = view.main
    seen = Observation(
        key=note.key,
        status=Status.ENDED,
        started_at=main.started if main else None,
        finished_at=_finished(view),
        exit_code=main.exit_code if main and main.has_ended and main.started else None,
    )
    if answer is not None:
        seen = replace(seen, outputs=answer.outputs)
    if view.cancelled:
        return failed(seen, FailureClass.CANCELLED, "Cancelled", "stopped on request")
    if seen.exit_code == 0:
        return _exited_well(seen, view, note, answer)
    return _failed(seen, view, note)


def _exited_well(seen: Observation, view: PodView, note: Note, answer: Harvest | None) -> Observation:
    if not note.answers:
        return seen
    if answer is None:
        found = agent_failed(view, note)
        return failed(seen, found.failure or FailureClass.INFRASTRUCTURE, found.reason, found.message)
    if answer.failure is not None:
        return failed(seen, answer.failure, answer.reason, answer.message)
    return seen


def _failed(seen: Observation, view: PodView, note: Note) -> Observation:
    """The first cause that explains it, those outside of the step first."""
    found = _imposed(view, note) or _own(view, note)
    if found is not None and found.failure is not None:
        return failed(seen, found.failure, found.reason, found.message)
    main = view.main
    assert main is not None
    whole = judge_exit(
        Ending(
            key=note.key,
            started=seen.started_at.timestamp() if seen.started_at else None,
            finished=seen.finished_at.timestamp() if seen.finished_at else None,
            exit_code=main.exit_code,
            program=note.program,
        )
    )
    return replace(whole, outputs=seen.outputs)


def _imposed(view: PodView, note: Note) -> Harvest | None:
    """What was done to the pod from outside, unless its step had failed before."""
    main = view.main
    ended = main.finished if main and main.has_ended else None
    if view.verdict:
        return complaint(view.verdict)
    if view.reason == "DeadlineExceeded":
        limit = f" of {note.timeout:g} s" if note.timeout is not None else ""
        why = (
            f"stopped by the cluster long after its time limit{limit} had passed: no pass was there to do it"
        )
        return Harvest(failure=FailureClass.TIMEOUT, reason="TimedOut", message=why)
    if view.disruption and not _before(ended, view.disrupted):
        reason, words = DISRUPTIONS.get(view.disruption, (view.disruption, "its node let go of it"))
        return _lost(reason, f"{words}: {view.disruption_message}" if view.disruption_message else words)
    if view.reason in CAUSES:
        words = CAUSES[view.reason]
        return _lost(view.reason, f"{words}: {view.message}" if view.message else words)
    if view.asked_to_end and not _before(ended, view.asked_to_end):
        return _lost("Deleted", "somebody deleted its pod while it ran, or the anchor of its run")
    return None


def _own(view: PodView, note: Note) -> Harvest | None:
    """What the pod's own containers say, but for a plain exit code."""
    fetch, main = view.fetch, view.main
    if fetch and fetch.has_ended and fetch.exit_code:
        return complaint(fetch.message) or _lost(
            "FetchFailed",
            f"its inputs could not be fetched: the agent ended with exit code {fetch.exit_code}"
            + (" (OOMKilled): raise kubernetes.agent_memory" if fetch.reason == "OOMKilled" else ""),
        )
    if main is None or not main.has_ended:
        why = "its pod vanished" if view.gone else f"its pod is {view.phase} and does not say why"
        return _lost(view.reason or "Lost", view.message or f"{why}; the main container has no exit code")
    if main.reason == "OOMKilled":
        limit = f"memory limit was {note.memory}" if note.memory else "its node ran out of memory"
        why = f"{limit}; raise resources.limits.memory, or use less"
        return Harvest(failure=FailureClass.FAILURE, reason="OOMKilled", message=why)
    if main.reason == "ContainerStatusUnknown":
        return _lost("Lost", "its node lost track of the container and cannot tell how it ended")
    return cannot_run(main, note)


def _lost(reason: str, message: str) -> Harvest:
    return Harvest(failure=FailureClass.INFRASTRUCTURE, reason=reason, message=message)


def _before(ended: datetime | None, imposed: datetime | None) -> bool:
    """Whether main had ended before something was done to the pod; the cluster counts whole seconds."""
    return ended is not None and (imposed is None or ended < imposed - timedelta(seconds=1))


def _finished(view: PodView) -> datetime | None:
    """When it ended, from what the cluster recorded: whoever asks again is told the same."""
    if view.main is not None and view.main.finished is not None:
        return view.main.finished
    times = [c.finished for c in (view.fetch, view.agent) if c is not None and c.finished is not None]
    latest = max([*times, view.disrupted or view.created], default=None)
    return moment(latest.timestamp()) if latest else None
